# SPDX-License-Identifier: Apache-2.0
"""What the first bytes of a body say it is."""

from typing import Final

from govshare_policy.egress.reading.archives import is_tar, is_zip
from govshare_policy.egress.reading.model import Code, UnscannableError
from govshare_policy.egress.reading.packed import packing_of

_PICTURES: Final = (
    b"\x89PNG\r\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"II*\x00",
    b"MM\x00*",
    b"\x00\x00\x01\x00",
    b"8BPS",
)
_UNREADABLE: Final = (
    b"%PDF-",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"SQLite format 3\x00",
    b"PAR1",
    b"Obj\x01",
    b"ORC",
    b"\x7fELF",
    b"OggS",
    b"ID3",
    b"MSCF",
    b"%!PS",
)
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
# A byte that none of these begins with is looked at no further; a tar has its mark elsewhere.
_FIRST: Final = frozenset(
    mark[0] for mark in (*_PICTURES, *_UNREADABLE, _OLE, b"R", b"P", b"\x1f", b"B", b"\xfd")
)
_TAR_BYTES: Final = 257


def is_known(body: bytes) -> bool:
    """Tell whether *body* begins like an archive, a picture or a document."""
    if len(body) <= _TAR_BYTES and body[:1] and body[0] not in _FIRST:
        return False
    return (
        packing_of(body) is not None
        or is_zip(body)
        or is_tar(body)
        or is_picture(body)
        or body.startswith((*_UNREADABLE[:6], _OLE))
    )


def is_rich_text(body: bytes) -> bool:
    """Tell whether *body* begins like rich text."""
    return body.startswith(b"{\\rtf")


def is_picture(body: bytes) -> bool:
    """Tell whether *body* begins like a picture."""
    return body.startswith(_PICTURES) or (body[:4] == b"RIFF" and body[8:12] == b"WEBP")


def refuse_unreadable(body: bytes) -> None:
    """Raise :exc:`UnscannableError` if *body* is of a form that nothing here reads."""
    if is_picture(body):
        raise UnscannableError(Code.PICTURE)
    if body.startswith(_OLE) and _OLE_ENCRYPTED in body:
        raise UnscannableError(Code.ENCRYPTED)
    if body.startswith((*_UNREADABLE, _OLE)):
        raise UnscannableError(Code.UNKNOWN_FORM)
