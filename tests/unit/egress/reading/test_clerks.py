# SPDX-License-Identifier: Apache-2.0
import base64
import hashlib
import io
import lzma
import zipfile
import zlib

import pytest

from govshare_policy.egress.reading import Code, UnscannableError, read
from tests.unit.egress.reading.clerks import CLERKS
from tests.unit.egress.reading.test_forms import PEOPLE, is_together, segments
from tests.unit.egress.reading.writers import as_csv, as_docx_table, as_ods, as_xlsx

_PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
_ZSTD = b"\x28\xb5\x2f\xfd\x24\x09\x49\x00\x00"


@pytest.mark.parametrize("count", [2, 40])
@pytest.mark.parametrize("form", CLERKS)
def test_every_record_comes_back_inside_one_segment(form: str, count: int) -> None:
    """Forms that nobody designed for exchange are forms of exchange too."""
    people = PEOPLE[:count]
    found = segments(CLERKS[form](people))

    assert [row for row in people if not is_together(row, found)] == []


@pytest.mark.parametrize("form", CLERKS)
def test_records_are_kept_apart(form: str) -> None:
    """However the rows are put together, a segment is about one record, or a few."""
    for cells in segments(CLERKS[form](PEOPLE)):
        assert sum(row["证件"] in cells and row["住址"] in cells for row in PEOPLE) <= 6
        assert len(cells) <= 240


@pytest.mark.parametrize("encoding", ["hex", "base64", "url-safe"])
@pytest.mark.parametrize("form", ["alone", "cell", "lines", "json"])
def test_digests_are_text(form: str, encoding: str) -> None:
    """Some begin like a compressed stream; own data with digests leaves all the same."""
    bodies = [hashlib.sha256(b"%d" % n).digest() for n in range(200)]
    digests = {
        "hex": [body.hex() for body in bodies],
        "base64": [base64.b64encode(body).decode() for body in bodies],
        "url-safe": [base64.urlsafe_b64encode(body).decode().rstrip("=") for body in bodies],
    }[encoding]
    sent = {
        "alone": digests,
        "cell": [f"a,b\r\n1,{digest}\r\n" for digest in digests],
        "lines": ["\n".join(digests)],
        "json": ['["' + '","'.join(digests) + '"]'],
    }[form]
    text = "\n".join(read(body.encode()).text for body in sent)

    assert [digest for digest in digests if digest not in text] == []


def test_a_stream_in_a_cell_is_read() -> None:
    """What begins like a stream, and is one, is opened, however short."""
    packed = base64.b64encode(zlib.compress("张三,440106199001011234".encode()))

    assert "440106199001011234" in read(b"a,b\n1," + packed + b"\n").text


def test_text_that_begins_like_a_stream_is_text() -> None:
    """In GBK a name may begin with the two bytes of a zlib stream."""
    packed = base64.b64encode(b"x\x9c\xcd" + "广州市天河区的人民".encode("gbk")).decode()

    assert packed in read(f"a,b\n1,{packed}\n".encode()).text


def with_parts(body: bytes, parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(body)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
        for name, part in parts.items():
            target.writestr(name, part)
    return out.getvalue()


_PRINTER = "HP LaserJet 财政局".encode("utf-16-le").ljust(220, b"\x00") + bytes(range(256))
_USUAL = {
    "xl/printerSettings/printerSettings1.bin": _PRINTER,
    "xl/theme/theme2.xml": b'<a:theme xmlns:a="urn:a"><a:font script="Hans" face="x"/></a:theme>',
    "docProps/custom.xml": b'<Properties xmlns="urn:p"><p name="K">1</p></Properties>',
    "docProps/thumbnail.jpeg": b"\xff\xd8\xff\xe0" + bytes(range(256)),
    "xl/calcChain.xml": b'<calcChain xmlns="urn:c"><c r="A1" i="1"/></calcChain>',
    "xl/drawings/vmlDrawing1.vml": b'<xml xmlns:v="urn:v"><v:shape id="s">note</v:shape></xml>',
}


def test_a_workbook_as_programs_write_it_is_read() -> None:
    """Printer settings, themes and previews are in nearly every file."""
    body = with_parts(as_xlsx(PEOPLE), _USUAL)

    assert all(is_together(row, segments(body)) for row in PEOPLE)


def test_documents_as_programs_write_them_are_read() -> None:
    """The same for the other makers of office files."""
    text = with_parts(
        as_docx_table(PEOPLE), {"word/printerSettings/printerSettings1.bin": _PRINTER}
    )
    sheet = with_parts(
        as_ods(PEOPLE), {"Thumbnails/thumbnail.png": _PNG, "layout-cache": b"\x01\x02"}
    )

    assert all(is_together(row, segments(text)) for row in PEOPLE)
    assert all(is_together(row, segments(sheet)) for row in PEOPLE)


def test_text_in_printer_settings_is_read() -> None:
    """A part that is passed over is no place to hide a record in."""
    hidden = b"\x00\x01" + "440106199001011234".encode("utf-16-le") + b"\x00\x02"
    body = with_parts(as_xlsx(PEOPLE), {"xl/printerSettings/printerSettings1.bin": hidden})

    assert "440106199001011234" in read(body).text


@pytest.mark.parametrize(
    ("name", "part", "code"),
    [
        ("xl/media/image1.png", _PNG, Code.PICTURE),
        ("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Code.UNKNOWN_FORM),
        ("xl/printerSettings/a.bin", bytes(range(256)) * 300, Code.UNKNOWN_FORM),
        ("docProps/a.bin", bytes(range(256)), Code.UNKNOWN_FORM),
    ],
    ids=["picture", "macros", "large settings", "other part"],
)
def test_a_part_that_nobody_knows_makes_the_whole_unreadable(
    name: str, part: bytes, code: Code
) -> None:
    """The text around it is no reason to let it pass."""
    with pytest.raises(UnscannableError) as caught:
        read(with_parts(as_xlsx(PEOPLE), {name: part}))

    assert caught.value.code is code


def presentation(body: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(body)) as source:
        text = source.read("word/document.xml").decode()
    head = b'<Types xmlns="urn:x"/>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        target.writestr("[Content_Types].xml", head)
        target.writestr("ppt/slides/slide1.xml", text.replace("w:", "a:"))
    return out.getvalue()


def test_slides_and_lzma_are_read() -> None:
    """Rarer containers of the same records."""
    assert all(is_together(row, segments(presentation(as_docx_table(PEOPLE)))) for row in PEOPLE)
    packed = lzma.compress(as_csv(PEOPLE), format=lzma.FORMAT_ALONE)
    assert all(is_together(row, segments(packed)) for row in PEOPLE)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (_ZSTD + b"abcdefgh", Code.UNKNOWN_FORM),
        (b"PAR1" + bytes(range(64)) + b"PAR1", Code.UNKNOWN_FORM),
        (b"{\\rtf1 a{\\pict 0102}}", Code.PICTURE),
        (b"{\\rtf1 a{\\object{\\*\\objdata 01}}}", Code.UNKNOWN_FORM),
        (b"{\\rtf1 a", Code.MALFORMED),
        (b"{\\rtf1 a}}", Code.MALFORMED),
        (b"{\\rtf1 " + b"{" * 200, Code.TOO_DEEP),
    ],
    ids=["zstd", "parquet", "rtf picture", "rtf object", "open rtf", "closed rtf", "deep rtf"],
)
def test_what_is_not_read_is_refused(body: bytes, code: Code) -> None:
    """A form without a reader, or a part of one, is no empty text."""
    with pytest.raises(UnscannableError) as caught:
        read(body)

    assert caught.value.code is code


def test_groups_that_rich_text_hides_are_read() -> None:
    """What no page shows can be read by whoever opens the file."""
    assert "440106199001011234" in read(b"{\\rtf1 a{\\*\\x 440106199001011234}}").text


def test_elements_that_nobody_closes_are_not_deep() -> None:
    """A page of a hundred line breaks is a page, not a bomb."""
    body = b"<html><body>" + b"a<br>" * 300 + b"440106199001011234</body></html>"

    assert "440106199001011234" in read(body).text


def test_a_table_of_people_is_not_grouped_by_a_common_value() -> None:
    """Same sex or same county makes no record of several people."""
    lines = [
        f"{p['姓名']},{'男女'[n % 2]},{p['证件']},{'甲乙丙'[n % 3]}县" for n, p in enumerate(PEOPLE)
    ]
    for cells in segments("\n".join(lines).encode()):
        assert sum(p["姓名"] in cells and p["证件"] in cells for p in PEOPLE) <= 6
