# SPDX-License-Identifier: Apache-2.0
"""What an auditor believes before looking at a log: its name and its keys, from a small TOML file.

The file comes from outside the log (a letter, a website, another department); a log says nothing
about whether it can be trusted.
"""

import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from govshare_policy.audit.checkpoint import (
    Checkpoint,
    check_name,
    find_signature,
    verify_signature,
)
from govshare_policy.crypto import PublicKey
from govshare_policy.errors import ConfigError, SignatureError, VerificationError

FORMAT: Final = "govshare-trust/v1"
_REQUIRED: Final = {"name", "public", "from"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustKey:
    """A key that may sign checkpoints of some sizes.

    Attributes:
        name: The name in its signature lines; for a log's own key, the origin.
        public: The key.
        from_size: The smallest size it may sign.
        to_size: The largest size it may sign; none while it is in use.
    """

    name: str
    public: PublicKey
    from_size: int = 0
    to_size: int | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.from_size < 0 or (self.to_size is not None and self.to_size < self.from_size):
            raise ConfigError(f"the sizes of the key `{self.name}` are not a range")

    def covers(self, size: int) -> bool:
        """Tell whether the key may sign a checkpoint of *size*."""
        return self.from_size <= size and (self.to_size is None or size <= self.to_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustPolicy:
    """Which log, and whose signatures on it.

    Attributes:
        origin: The name of the log.
        keys: Never empty; one trusted signature on a checkpoint is enough, and every signature
            that claims to be of a trusted key has to be good.
    """

    origin: str
    keys: tuple[TrustKey, ...]

    def __post_init__(self) -> None:
        check_name(self.origin)
        if not self.keys:
            raise ConfigError("a trust policy has at least one key")

    def verify_checkpoint(self, checkpoint: Checkpoint) -> tuple[datetime, tuple[PublicKey, ...]]:
        """Return when *checkpoint* was signed (the latest time), and by which trusted keys.

        Raises:
            VerificationError: If it is a checkpoint of another log.
            SignatureError: If no trusted key signed it, or a line under the name and id of a
                trusted key is forged.
        """
        if checkpoint.origin != self.origin:
            raise VerificationError("the checkpoint is of another log")
        signed: list[tuple[datetime, PublicKey]] = []
        for key in self.keys:
            line = find_signature(checkpoint, key.name, key.public)
            if line is None or not key.covers(checkpoint.size):
                continue
            signed.append((verify_signature(checkpoint, line, key.public), key.public))
        if not signed:
            raise SignatureError(f"no trusted key signed the checkpoint of size {checkpoint.size}")
        return max(at for at, _ in signed), tuple(public for _, public in signed)


def load_trust(path: Path) -> TrustPolicy:
    """Return the trust policy in the file *path*.

    Raises:
        ConfigError: If the file cannot be read, or says anything that is not understood. A
            condition that this version does not know must not be taken for absent.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the trust file `{path.name}` cannot be read") from error
    return parse_trust(text)


def parse_trust(text: str) -> TrustPolicy:
    """Return the trust policy that *text* (TOML) spells.

    Raises:
        ConfigError: As for :func:`load_trust`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the trust file is not toml: {error}") from None
    if document.keys() != {"format", "origin", "key"} or document["format"] != FORMAT:
        raise ConfigError(f"a trust file has format = `{FORMAT}`, origin and [[key]] tables only")
    entries = document["key"]
    if not isinstance(entries, list) or not isinstance(document["origin"], str):
        raise ConfigError("the origin is a text, and each key a [[key]] table")
    try:
        keys = tuple(_parse_key(entry) for entry in entries)
        return TrustPolicy(origin=document["origin"], keys=keys)
    except VerificationError as error:
        raise ConfigError(f"in the trust file, {error}") from None


def trust_text(origin: str, public: PublicKey) -> str:
    """Return a trust file for the log *origin* and its one key.

    OpenSSL finds the key in it: ``openssl pkey -pubin -in FILE`` and ``dgst -verify FILE`` skip
    the lines before the PEM block.
    """
    return (
        f'format = "{FORMAT}"\n'
        f'origin = "{_quote(origin)}"\n'
        "\n"
        "[[key]]\n"
        f'name = "{_quote(origin)}"\n'
        f"# SM3 fingerprint: {public.fingerprint.hex()}\n"
        "from = 0\n"
        'public = """\n'
        f'{public.to_pem().decode().strip()}\n"""\n'
    )


def _quote(name: str) -> str:
    return check_name(name).replace("\\", "\\\\").replace('"', '\\"')


def _parse_key(entry: Any) -> TrustKey:  # noqa: ANN401 - whatever the file holds
    if not isinstance(entry, dict) or not _REQUIRED <= entry.keys() <= _REQUIRED | {"to"}:
        raise ConfigError("a [[key]] of the trust file has name, public, from and perhaps to")
    name, public, start, end = entry["name"], entry["public"], entry["from"], entry.get("to")
    if not isinstance(name, str) or not isinstance(public, str):
        raise ConfigError("the name and public of a [[key]] are texts")
    if type(start) is not int or type(end) not in (int, type(None)):
        raise ConfigError("the from and to of a [[key]] are numbers of records")
    return TrustKey(
        name=name,
        public=PublicKey.from_pem(public.encode()),
        from_size=start,
        to_size=end,
    )
