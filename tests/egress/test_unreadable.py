# SPDX-License-Identifier: Apache-2.0
"""A document with a part that nobody here can read is refused as a whole, and says why."""

import base64
import io
import string
import zipfile
from pathlib import Path
from random import Random

import pytest

from govshare_policy.egress.verdict import Cause, Outcome
from tests.egress.forms import in_letter
from tests.egress.guarded import make_guarded

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 4
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(200)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)
TEXT = '<w:document xmlns:w="w"><w:body><w:p><w:r><w:t>own</w:t></w:r></w:p></w:body></w:document>'


def packed(members: dict[str, bytes]) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return body.getvalue()


def letter(**parts: bytes) -> bytes:
    """Return a DOCX of own words with *parts* under ``word/``; a name's ``__`` is a dot."""
    more = {f"word/{name.replace('__', '.')}": data for name, data in parts.items()}
    return packed({"[Content_Types].xml": b"<Types/>", "word/document.xml": TEXT.encode(), **more})


def tokens(number: int) -> list[str]:
    random = Random(3)  # noqa: S311 - stands for keys
    alphabet = string.ascii_letters + string.digits
    return ["".join(random.choices(alphabet, k=64)) for _ in range(number)]


PACKED = base64.b32encode("示例甲，已婚。\n".encode() * 200).decode()
BASE32 = "\n".join(PACKED[at : at + 76] for at in range(0, len(PACKED), 76))
BODIES = {
    "PDF": (PDF, "unknown_form"),
    "picture": (PICTURE, "picture"),
    "letter with a picture": (letter(image1__png=PICTURE), "picture"),
    "letter with a macro": (letter(vbaProject__bin=OLE), "unknown_form"),
    "letter of the older kind": (OLE, "unknown_form"),
    "PDF among own files": (packed({"own.txt": b"own", "list.pdf": PDF}), "unknown_form"),
    "PDF in a mail": (in_letter(base64.encodebytes(PDF).decode()), "unknown_form"),
    "base32 block in a letter": (in_letter(BASE32), "unknown_form"),
    "lines like those of an enciphered file": ("\n".join(tokens(100)).encode(), "unknown_form"),
}


@pytest.mark.parametrize("name", BODIES)
def test_what_holds_a_part_that_cannot_be_read_is_denied_as_a_whole(
    name: str, tmp_path: Path
) -> None:
    body, code = BODIES[name]
    with make_guarded(tmp_path) as guarded:
        verdict = guarded.scan(body)

    assert (verdict.outcome, verdict.code) == (Outcome.DENY, code)
    assert verdict.causes == (Cause.UNSCANNABLE,)


@pytest.mark.parametrize(
    "body",
    [
        letter(),
        "".join(f"{at},{token}\n" for at, token in enumerate(tokens(100))).encode(),
        "\n".join(f"- {token}" for token in tokens(100)).encode(),
    ],
    ids=["letter", "keys in a table", "keys in a list"],
)
def test_own_words_and_keys_that_are_a_list_pass(body: bytes, tmp_path: Path) -> None:
    with make_guarded(tmp_path) as guarded:
        assert guarded.scan(body).outcome is Outcome.PASS
