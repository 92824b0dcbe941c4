# SPDX-License-Identifier: Apache-2.0
"""The key of a department, under which released values become tags.

Who has it can try every identity number against an index, so its file is kept like that of a
signing key and nothing ever shows it. A new epoch begins with a new key; the old ones stay in the
file until what was tagged under them has lapsed.
"""

import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from govshare_policy.audit.disk import Disk, describe
from govshare_policy.crypto import hmac_sm3
from govshare_policy.errors import ConfigError

KEY_BYTES: Final = 32
_HEADER: Final = "govshare-egress-key-v1"
_LINE: Final = re.compile(r"([1-9][0-9]{0,8}) ([0-9a-f]{64})")
_MAX_FILE_BYTES: Final = 65_536
_OPEN_TO_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartmentKey:
    """One epoch's key.

    Attributes:
        epoch: 1 and up.
        secret: 32 bytes; never shown.
    """

    epoch: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.epoch < 1 or len(self.secret) != KEY_BYTES:
            raise ValueError("an epoch counts from 1 and its key has 32 bytes")

    @property
    def key_id(self) -> bytes:
        """What tells this key from others without showing it; 8 bytes."""
        return self.derive("key-id")[:8]

    def derive(self, purpose: str) -> bytes:
        """Return the key for one *purpose*; 32 bytes."""
        return hmac_sm3(self.secret, b"govshare-egress-v1 " + purpose.encode())


def generate_keys(path: Path) -> DepartmentKey:
    """Write a new key file with epoch 1 to *path*, and return its key.

    Raises:
        ConfigError: If *path* exists or cannot be written.
    """
    key = DepartmentKey(epoch=1, secret=secrets.token_bytes(KEY_BYTES))
    try:
        # With O_EXCL a symbolic link is in the way too, wherever it leads.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_format([key]))
            file.flush()
            os.fsync(file.fileno())
        Disk().sync_dir(path.parent)
    except OSError as error:
        raise ConfigError(f"cannot write the key file `{path}`: {describe(error)}") from None
    return key


def add_epoch(path: Path) -> DepartmentKey:
    """Add a new key to the file at *path*, and return it; what is registered next is under it.

    Raises:
        ConfigError: If the file cannot be used or written.
    """
    keys = load_keys(path)
    key = DepartmentKey(epoch=keys[-1].epoch + 1, secret=secrets.token_bytes(KEY_BYTES))
    beside = path.with_name(path.name + ".tmp")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_format([*keys, key]))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        Disk().sync_dir(path.parent)
    except OSError as error:
        raise ConfigError(f"cannot write the key file `{path}`: {describe(error)}") from None
    return key


def load_keys(path: Path) -> tuple[DepartmentKey, ...]:
    """Return the keys in the file at *path*, oldest first; never empty.

    Raises:
        ConfigError: If the file cannot be read, is open to others than its owner, or is not a
            key file with epochs in order.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_MAX_FILE_BYTES)
    except OSError as error:
        raise ConfigError(f"cannot read the key file `{path}`: {describe(error)}") from None
    if mode & _OPEN_TO_OTHERS:
        raise ConfigError(f"the key file `{path}` is open to others than its owner; chmod 600 it")
    header, *lines = text.decode("ascii", "replace").splitlines() or [""]
    matches = [_LINE.fullmatch(line) for line in lines]
    keys = [
        DepartmentKey(epoch=int(match[1]), secret=bytes.fromhex(match[2]))
        for match in matches
        if match
    ]
    epochs = [key.epoch for key in keys]
    if header != _HEADER or not keys or len(keys) != len(lines):
        raise ConfigError(f"the file `{path}` is no key file of the onward guard")
    if epochs != sorted(set(epochs)) or len({key.secret for key in keys}) != len(keys):
        raise ConfigError(f"the key file `{path}` repeats an epoch or a key, or has them unsorted")
    return tuple(keys)


def _format(keys: list[DepartmentKey]) -> bytes:
    lines = [_HEADER, *(f"{key.epoch} {key.secret.hex()}" for key in keys)]
    return ("\n".join(lines) + "\n").encode()
