# SPDX-License-Identifier: Apache-2.0
"""The policies of the past, found by the revision that records name."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from govshare_policy.errors import ConfigError, VerificationError
from govshare_policy.policy import Bundle
from govshare_policy.signed import BundleManifest
from govshare_policy.signed.build import load_copy
from govshare_policy.signed.manifest import MANIFEST, MAX_MANIFEST_BYTES

# Registers are large, and the records of one day name one or two policies.
LOADED: Final = 4

Loader = Callable[[], Bundle]


class Archive:
    """Bundles by revision. A few are kept loaded; the others are loaded when a record names them.

    No signature is asked for: the revision is a digest of every byte that decides, and it stands
    in the records, which the log's own signatures vouch for.
    """

    def __init__(self, loaders: Mapping[str, Loader], *, loaded: int = LOADED) -> None:
        """Begin with nothing loaded.

        Args:
            loaders: How to load the bundle of a revision; ``sm3:`` and 64 hexadecimal digits.
            loaded: How many to keep.
        """
        self._loaders = dict(loaders)
        self._most = loaded
        self._loaded: OrderedDict[str, Bundle] = OrderedDict()

    def find(self, revision: str) -> Bundle | None:
        """Return the bundle of *revision*, or none if it is not archived here.

        Raises:
            VerificationError: If what is archived under the revision has another.
            FactError: If its registers are wrong.
            PolicyError: If its packs are.
        """
        if revision in self._loaded:
            self._loaded.move_to_end(revision)
            return self._loaded[revision]
        if revision not in self._loaders:
            return None
        bundle = self._loaders[revision]()
        if f"sm3:{bundle.revision.hex()}" != revision:
            raise VerificationError(f"what is archived as `{revision}` has another revision")
        self._loaded[revision] = bundle
        if len(self._loaded) > self._most:
            self._loaded.popitem(last=False)
        return bundle


def load_bundle_directory(directory: Path) -> tuple[str, Loader]:
    """Return the revision that the manifest of the bundle in *directory* states, and its loader.

    Raises:
        ConfigError: If there is no manifest.
        VerificationError: If it is none.
    """
    try:
        with (directory / MANIFEST).open("rb") as file:
            data = file.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"`{directory.name}` is not the directory of a bundle ({error.strerror})"
        ) from None
    manifest = BundleManifest.from_bytes(data)

    def load() -> Bundle:
        return load_copy(directory, manifest.profile, manifest.precedence)

    return f"sm3:{manifest.revision.hex()}", load
