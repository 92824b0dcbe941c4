# SPDX-License-Identifier: Apache-2.0
"""``manifest.json``: what a bundle holds, file by file, and what it decides by.

The signature covers these bytes, and these bytes cover every file; docs/how-to/bundles.md says
how to check both without this program.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, Self

from govshare_policy.audit import MAX_RECORD_BYTES, encode_record, format_time, parse_record
from govshare_policy.errors import VerificationError
from govshare_policy.policy import Precedence

FORMAT: Final = "govshare-bundle/v1"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
MAX_MANIFEST_BYTES: Final = MAX_RECORD_BYTES + 1
# A register may be this long (register/_table.py), and nothing in a bundle is longer.
MAX_FILE_BYTES: Final = 256 * 1024 * 1024
_DIGEST_BYTES: Final = 32
_NAME: Final = r"[a-z0-9][a-z0-9_-]{0,63}"
# Every path a bundle may have. Whatever leads elsewhere, or hides, is not spelled like this.
PATH: Final = re.compile(
    rf"packs/{_NAME}/{_NAME}\.(?:toml|csv|tsv|conf|json)|data/{_NAME}\.tsv", re.ASCII
)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_KEYS: Final = {"created", "files", "format", "precedence", "profile", "revision"}
_FILE_KEYS: Final = {"bytes", "path", "sm3"}
_REVISION: Final = "sm3:"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of a bundle.

    Attributes:
        path: Relative to the bundle, with ``/``.
        digest: SM3 of its content; 32 bytes.
    """

    path: str
    size_bytes: int
    digest: bytes

    def __post_init__(self) -> None:
        if PATH.fullmatch(self.path) is None:
            raise VerificationError("the manifest names a path that no bundle has")
        if not 0 <= self.size_bytes <= MAX_FILE_BYTES:
            raise VerificationError(f"`{self.path}` is longer than a file of a bundle may be")
        if len(self.digest) != _DIGEST_BYTES:
            raise VerificationError(f"the SM3 of `{self.path}` does not have {_DIGEST_BYTES} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleManifest:
    """What ``manifest.json`` says.

    Attributes:
        created: When the bundle was made, as its maker says; to the microsecond.
        revision: That of the policy the files load into; 32 bytes.
        files: In ascending order of their paths, each path once.
    """

    profile: str
    precedence: Precedence
    revision: bytes
    created: datetime
    files: tuple[FileEntry, ...]

    def __post_init__(self) -> None:
        if len(self.revision) != _DIGEST_BYTES:
            raise VerificationError(f"the revision does not have {_DIGEST_BYTES} bytes")
        if not all(one.path < next_.path for one, next_ in pairwise(self.files)):
            raise VerificationError("the files of the manifest are not in order, each once")

    def to_bytes(self) -> bytes:
        """Return the content of the file: a canonical record and a newline."""
        content = {
            "format": FORMAT,
            "profile": self.profile,
            "precedence": self.precedence.value,
            "revision": f"{_REVISION}{self.revision.hex()}",
            "created": format_time(self.created),
            "files": [
                {"path": file.path, "bytes": file.size_bytes, "sm3": file.digest.hex()}
                for file in self.files
            ],
        }
        return encode_record(content) + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the manifest that *data* spells.

        Raises:
            VerificationError: If *data* is not the one spelling of a manifest.
        """
        if not data.endswith(b"\n"):
            raise VerificationError(f"`{MANIFEST}` does not end in a newline")
        content = parse_record(data[:-1])
        if content.keys() != _KEYS or content["format"] != FORMAT:
            raise VerificationError(f"`{MANIFEST}` is of another format")
        files = content["files"]
        if not isinstance(files, list):
            raise VerificationError(f"the files in `{MANIFEST}` are not a list")
        manifest = cls(
            profile=_text(content, "profile"),
            precedence=_precedence(_text(content, "precedence")),
            revision=_digest(_text(content, "revision").removeprefix(_REVISION)),
            created=_instant(_text(content, "created")),
            files=tuple(_file(entry) for entry in files),
        )
        if manifest.to_bytes() != data:
            raise VerificationError(f"`{MANIFEST}` is not in its canonical spelling")
        return manifest


def signed_message(manifest: bytes) -> bytes:
    """Return what is signed for the bytes of a ``manifest.json``.

    The first line keeps a signature over a bundle from being one over anything else.
    """
    return FORMAT.encode() + b"\n" + manifest


def _file(entry: object) -> FileEntry:
    if not isinstance(entry, dict) or entry.keys() != _FILE_KEYS or type(entry["bytes"]) is not int:
        raise VerificationError("a file of the manifest has `path`, `bytes` and `sm3`")
    return FileEntry(
        path=_text(entry, "path"),
        size_bytes=entry["bytes"],
        digest=_digest(_text(entry, "sm3")),
    )


def _text(content: dict[str, Any], key: str) -> str:
    value = content[key]
    if not isinstance(value, str):
        raise VerificationError(f"`{key}` in `{MANIFEST}` is not a text")
    return value


def _digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise VerificationError(f"a digest in `{MANIFEST}` is not hexadecimal") from None


def _precedence(text: str) -> Precedence:
    try:
        return Precedence(text)
    except ValueError:
        raise VerificationError(f"the precedence in `{MANIFEST}` is not known") from None


def _instant(text: str) -> datetime:
    try:
        if _INSTANT.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass  # a day that does not exist is no better than another spelling
    raise VerificationError(f"`created` in `{MANIFEST}` is not an instant")
