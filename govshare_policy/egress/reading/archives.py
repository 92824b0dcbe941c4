# SPDX-License-Identifier: Apache-2.0
"""Members of ZIP and tar archives.

An archive is read only if its directory accounts for every byte: entries that overlap are bombs,
and bytes between entries, which no directory names, are a place to hide.
"""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Final

from govshare_policy.egress.reading.model import Budget, Code, UnscannableError

_LOCAL: Final = struct.Struct("<4s22xHH")
_DESCRIPTOR_BYTES: Final = 24
_ENCRYPTED: Final = 0x1
_KNOWN: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2})
_CHUNK: Final = 1 << 20
_BLOCK: Final = 512
_FAULTS: Final = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def is_zip(body: bytes) -> bool:
    """Tell whether *body* begins like a ZIP archive."""
    return body.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def is_tar(body: bytes) -> bool:
    """Tell whether *body* begins like a tar archive."""
    return body[257:262] == b"ustar"


def zip_members(body: bytes, *, budget: Budget) -> dict[str, bytes]:
    """Return the members of a ZIP archive; its comments are members too.

    Raises:
        UnscannableError: If it is encrypted, broken, too large, or hides something.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            infos = archive.infolist()
            for info in infos:
                budget.add_member()
                _check_info(info)
            _check_layout(body, infos, end=archive.start_dir)
            members = {
                f"{number}/{info.filename}": _read(archive.open(info), info.compress_size, budget)
                for number, info in enumerate(infos)
                if not info.is_dir() or info.file_size
            }
            comments = [archive.comment, *(info.comment for info in infos)]
    except _FAULTS:
        raise UnscannableError(Code.MALFORMED) from None
    members["comment"] = b"\n".join(filter(None, comments))
    return members


def _check_info(info: zipfile.ZipInfo) -> None:
    """Refuse a member that cannot be read."""
    if info.flag_bits & _ENCRYPTED:
        raise UnscannableError(Code.ENCRYPTED)
    if info.compress_type not in _KNOWN:
        raise UnscannableError(Code.UNKNOWN_FORM)


def _check_layout(body: bytes, infos: list[zipfile.ZipInfo], *, end: int) -> None:
    """Refuse entries that overlap, and bytes that belong to none."""
    at = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        magic, name_bytes, extra_bytes = _LOCAL.unpack_from(body, info.header_offset)
        gap = info.header_offset - at
        if magic != b"PK\x03\x04" or gap < 0 or gap > (_DESCRIPTOR_BYTES if at else 0):
            raise UnscannableError(Code.MALFORMED)
        at = info.header_offset + _LOCAL.size + name_bytes + extra_bytes + info.compress_size
    if not 0 <= end - at <= (_DESCRIPTOR_BYTES if infos else 0):
        raise UnscannableError(Code.MALFORMED)


def _read(stream: IO[bytes], packed: int, budget: Budget) -> bytes:
    """Return what *stream* holds, counted as it comes."""
    pieces = []
    size = 0
    with stream:
        while piece := stream.read(_CHUNK):
            pieces.append(piece)
            size += len(piece)
            budget.expand(len(piece))
            budget.check_ratio(packed, expanded=size)
    return b"".join(pieces)


def tar_members(body: bytes, *, budget: Budget) -> dict[str, bytes]:
    """Return the regular files of a tar archive; what it says of links and owners is a member too.

    Raises:
        UnscannableError: If it is broken, too large, or goes on after its end.
    """
    members = {}
    notes = []
    try:
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:") as archive:
            for number, info in enumerate(archive):
                budget.add_member()
                notes += [info.linkname, info.uname, info.gname, *info.pax_headers.values()]
                stream = archive.extractfile(info) if info.isreg() else None
                data = b"" if stream is None else _read(stream, len(body), budget)
                members[f"{number}/{info.name}"] = data
            end = archive.offset
    except _FAULTS:
        raise UnscannableError(Code.MALFORMED) from None
    if body[end:].strip(b"\x00"):
        raise UnscannableError(Code.MALFORMED)
    members["notes"] = "\n".join(map(str, filter(None, notes))).encode(errors="replace")
    return members


def names_of(members: dict[str, bytes]) -> Iterator[str]:
    """Yield the names of members without the number that keeps them apart."""
    return (name.partition("/")[2] for name in members if "/" in name)
