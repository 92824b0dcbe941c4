# SPDX-License-Identifier: Apache-2.0
"""Where the onward guard of a department keeps what it needs.

``index-N`` is the index under the key of epoch N, ``day-N.sqlite`` its accumulator, ``holdings-N``
the register of own holdings under that key, and ``allowed`` what an approver lets pass unread.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from govshare_policy.audit.disk import describe
from govshare_policy.crypto import load_public_key, sm3
from govshare_policy.egress.allowed import Allowance, load_allowances
from govshare_policy.egress.keys import DepartmentKey, load_keys
from govshare_policy.errors import ConfigError

ALLOWED: Final = "allowed"
_MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a guard keeps what it needs.

    Attributes:
        directory: Its own.
        keys: The key file of the department.
        holdings_key: The public key that signs the register of own holdings; without it no
            holding counts.
        approver_key: The public key that signs allowances; without it nothing is allowed unread.
    """

    directory: Path
    keys: Path
    holdings_key: Path | None = None
    approver_key: Path | None = None

    def load(self) -> tuple[DepartmentKey, ...]:
        """Return the keys of the department, oldest first, with a directory for what is kept.

        Raises:
            ConfigError: If the key file cannot be used, or the directory cannot be made.
        """
        keys = load_keys(self.keys)
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot make `{self.directory}`: {describe(error)}") from None
        return keys

    def index(self, key: DepartmentKey) -> Path:
        """Return where the index under *key* is."""
        return self.directory / f"index-{key.epoch}"

    def holdings(self, key: DepartmentKey) -> Path:
        """Return where the register of own holdings under *key* is."""
        return self.directory / f"holdings-{key.epoch}"

    def allowances(self) -> tuple[Allowance, ...]:
        """Return what an approver lets pass unread now.

        Raises:
            VerificationError: If it is not what the approver signed.
            ConfigError: If it cannot be read.
        """
        if self.approver_key is None:
            return ()
        public = load_public_key(self.approver_key)
        return load_allowances(self.directory / ALLOWED, public=public)

    def digest(self) -> bytes:
        """Return what tells this state of the indexes from others; 32 bytes.

        Raises:
            ConfigError: If there is an index that cannot be read.
        """
        parts = []
        try:
            for index in sorted(self.directory.glob("index-*")):
                parts.append((index / _MANIFEST).read_bytes())
                parts.extend(
                    f"{path.name} {path.stat().st_size}\n".encode()
                    for path in sorted(index.iterdir())
                    if path.suffix != ".tmp"
                )
        except OSError as error:
            raise ConfigError(f"cannot read the index: {describe(error)}") from None
        return sm3(b"".join(parts))
