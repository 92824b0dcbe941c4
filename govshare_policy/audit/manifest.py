# SPDX-License-Identifier: Apache-2.0
"""``log.json`` and the first record: what a log says about itself.

Everything in the file stands in the first record too or is that record's hash, so that a signed
checkpoint covers it.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from govshare_policy.audit.checkpoint import check_name
from govshare_policy.audit.layout import MANIFEST, regular
from govshare_policy.audit.merkle import HASH_BYTES, leaf_hash
from govshare_policy.audit.record import encode_record, format_time, new_record_id, parse_record
from govshare_policy.crypto import PublicKey
from govshare_policy.errors import VerificationError

FORMAT: Final = "govshare-log/v1"
_KEYS: Final = {"created", "format", "genesis", "origin", "tree"}
_TREE: Final = "sm3"
_MAX_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What ``log.json`` says.

    Attributes:
        origin: The name of the log.
        created: When it was created, as records write it.
        genesis: Leaf hash of its first record; 32 bytes.
    """

    origin: str
    created: str
    genesis: bytes

    def __post_init__(self) -> None:
        check_name(self.origin)
        if len(self.genesis) != HASH_BYTES:
            raise VerificationError("the genesis in `log.json` does not have 32 bytes")

    def to_bytes(self) -> bytes:
        """Return the content of the file: a canonical record and a newline."""
        content = {
            "created": self.created,
            "format": FORMAT,
            "genesis": self.genesis.hex(),
            "origin": self.origin,
            "tree": _TREE,
        }
        return encode_record(content) + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the manifest that *data* spells.

        Raises:
            VerificationError: If *data* is not the one spelling of a manifest.
        """
        if not data.endswith(b"\n"):
            raise VerificationError("`log.json` does not end in a newline")
        content = parse_record(data[:-1])
        if content.keys() != _KEYS or not all(isinstance(v, str) for v in content.values()):
            raise VerificationError("`log.json` does not have the keys of this format")
        if content["format"] != FORMAT or content["tree"] != _TREE:
            raise VerificationError("`log.json` is of another format")
        try:
            genesis = bytes.fromhex(content["genesis"])
        except ValueError:
            raise VerificationError("the genesis in `log.json` is not hexadecimal") from None
        manifest = cls(origin=content["origin"], created=content["created"], genesis=genesis)
        if manifest.to_bytes() != data:
            raise VerificationError("`log.json` is not in its canonical spelling")
        return manifest

    def verify_genesis(self, record: bytes) -> None:
        """Return only if *record* is the first record that this manifest speaks of.

        Raises:
            VerificationError: If it is another.
        """
        if leaf_hash(record) != self.genesis:
            raise VerificationError("the first record is not the genesis in `log.json`")
        content = parse_record(record)
        if (content.get("origin"), content.get("t")) != (self.origin, self.created):
            raise VerificationError("the first record and `log.json` differ")


def load_manifest(directory: Path) -> Manifest:
    """Return the manifest of the log in *directory*.

    Raises:
        VerificationError: If the file is damaged.
        OSError: If it cannot be read.
    """
    with regular(directory / MANIFEST).open("rb") as file:
        return Manifest.from_bytes(file.read(_MAX_BYTES))


def genesis_record(origin: str, public: PublicKey, *, at: datetime) -> bytes:
    """Return the first record of a log: its name, its time and its first key."""
    return encode_record(
        {
            "v": 1,
            "id": new_record_id(at),
            "t": format_time(at),
            "phase": "key",
            "event": "genesis",
            "origin": origin,
            "key": {"name": origin, "spki": public.to_spki().hex()},
        }
    )
