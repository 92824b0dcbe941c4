# SPDX-License-Identifier: Apache-2.0
"""The same records, written down in every ordinary form."""

import base64
import bz2
import csv
import gzip
import html
import io
import json
import lzma
import quopri
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

import openpyxl
import yaml

Row = dict[str, str]
Writer = Callable[[list[Row]], bytes]


def as_json(rows: list[Row]) -> bytes:
    return json.dumps(rows, ensure_ascii=False).encode()


def as_csv(rows: list[Row], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def as_sideways(rows: list[Row]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([key, *(row[key] for row in rows)] for key in rows[0])
    return out.getvalue().encode()


def as_molten(rows: list[Row]) -> bytes:
    """One field a line: all values of a field before the next field, as a pivot undone."""
    lines = [f"{n},{key},{row[key]}" for key in rows[0] for n, row in enumerate(rows)]
    return "\n".join(["record,field,value", *lines]).encode()


def as_xml(rows: list[Row]) -> bytes:
    root = ET.Element("people")
    for row in rows:
        element = ET.SubElement(root, "person")
        for number, value in enumerate(row.values()):
            ET.SubElement(element, f"field{number}").text = value
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def as_attributes(rows: list[Row]) -> bytes:
    root = ET.Element("people")
    for row in rows:
        ET.SubElement(root, "p", {f"f{n}": value for n, value in enumerate(row.values())})
    return bytes(ET.tostring(root, encoding="utf-16"))


def as_html(rows: list[Row]) -> bytes:
    lines = [
        "<tr>"
        + "".join(f"<td>\n <p>{html.escape(value)}</p></td>" for value in row.values())
        + "</tr>"
        for row in rows
    ]
    return ("<!DOCTYPE html><html><body><table>" + "\n".join(lines) + "</table></body>").encode()


def as_divs(rows: list[Row]) -> bytes:
    blocks = [
        "<dl>" + "".join(f"<dt>{key}</dt><dd>{value}</dd>" for key, value in row.items()) + "</dl>"
        for row in rows
    ]
    return ("<html><body>" + "\n".join(blocks) + "</body></html>").encode()


def as_sql(rows: list[Row]) -> bytes:
    tuples = ["('" + "', '".join(row.values()) + "')" for row in rows]
    head = "INSERT INTO person (a, b, c) VALUES "
    return (head + ", ".join(tuples) + ";").encode()


def as_sql_lines(rows: list[Row]) -> bytes:
    head = "INSERT INTO p VALUES ("
    lines = [head + ",".join(f"'{value}'" for value in row.values()) + ");" for row in rows]
    return "\n".join(lines).encode()


def as_yaml(rows: list[Row]) -> bytes:
    return str(yaml.safe_dump(rows, allow_unicode=True, sort_keys=False)).encode()


def as_yaml_map(rows: list[Row]) -> bytes:
    named = {f"record{n}": row for n, row in enumerate(rows)}
    return str(yaml.safe_dump(named, allow_unicode=True)).encode()


def as_ini(rows: list[Row]) -> bytes:
    blocks = [
        f"[{n}]\n" + "\n".join(f"{key}={value}" for key, value in row.items())
        for n, row in enumerate(rows)
    ]
    return "\n".join(blocks).encode()


def as_vcard(rows: list[Row]) -> bytes:
    cards = []
    for row in rows:
        values = list(row.values())
        notes = "\r\n".join(f"X-F{n}:{value}" for n, value in enumerate(values))
        cards.append(f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{values[0]}\r\n{notes}\r\nEND:VCARD\r\n")
    return "".join(cards).encode()


def as_markdown(rows: list[Row]) -> bytes:
    head = "| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0])
    return "\n".join([head, *("| " + " | ".join(row.values()) + " |" for row in rows)]).encode()


def as_fixed_width(rows: list[Row]) -> bytes:
    return "\n".join("".join(value.ljust(24) for value in row.values()) for row in rows).encode()


def as_fields(rows: list[Row]) -> bytes:
    blocks = ["\n".join(f"{key}:{value}" for key, value in row.items()) for row in rows]
    return "\n\n".join(blocks).encode()


def as_prose(rows: list[Row]) -> bytes:
    return "\n".join(",".join(f"{k}是{v}" for k, v in row.items()) + "。" for row in rows).encode()


def as_log(rows: list[Row]) -> bytes:
    return "\n".join(
        f"2026-01-02 10:00:{n % 60:02} INFO [worker-1] sent " + json.dumps(row)
        for n, row in enumerate(rows)
    ).encode()


def as_json_in_csv(rows: list[Row]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(
        [n, json.dumps(row, ensure_ascii=False)] for n, row in enumerate(rows)
    )
    return out.getvalue().encode()


def as_csv_in_json(rows: list[Row]) -> bytes:
    return json.dumps({"file": "a.csv", "content": as_csv(rows).decode()}).encode()


def as_base64_in_json(rows: list[Row]) -> bytes:
    packed = base64.b64encode(gzip.compress(as_json(rows))).decode()
    return json.dumps({"name": "a", "content": packed}).encode()


def as_base64_cells(rows: list[Row]) -> bytes:
    return as_csv(
        [{k: base64.b64encode(v.encode()).decode() for k, v in row.items()} for row in rows]
    )


def as_columns(rows: list[Row]) -> bytes:
    return json.dumps({key: [row[key] for row in rows] for key in rows[0]}).encode()


def as_keyed_columns(rows: list[Row]) -> bytes:
    return json.dumps({k: {str(n): r[k] for n, r in enumerate(rows)} for k in rows[0]}).encode()


def as_split(rows: list[Row]) -> bytes:
    return json.dumps({"columns": list(rows[0]), "data": [list(r.values()) for r in rows]}).encode()


def as_nested(rows: list[Row]) -> bytes:
    def nest(row: Row) -> object:
        (a, b), *rest = row.items()
        return {a: b, "details": {"contact": dict(rest[:1]), "other": dict(rest[1:])}}

    return json.dumps({"page": 1, "data": {"list": [nest(row) for row in rows]}}).encode()


def as_form(rows: list[Row]) -> bytes:
    return urlencode(rows[0]).encode()


def as_multipart(rows: list[Row]) -> bytes:
    parts = [
        f'--xYzZy\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{value}\r\n'
        for n, value in enumerate(rows[0].values())
    ]
    return ("".join(parts) + "--xYzZy--\r\n").encode()


def as_upload(rows: list[Row]) -> bytes:
    head = b'--b1\r\nContent-Disposition: form-data; name="f"; filename="a.csv"\r\n\r\n'
    return head + as_csv(rows) + b"\r\n--b1--\r\n"


def as_data_uri(rows: list[Row]) -> bytes:
    packed = base64.b64encode(as_csv(rows)).decode()
    return f'<a href="data:text/csv;base64,{packed}">download</a>'.encode()


def as_quoted_vcard(rows: list[Row]) -> bytes:
    cards = []
    for row in rows:
        lines = "".join(
            f"X-{n};ENCODING=QUOTED-PRINTABLE:" + "".join(f"={b:02X}" for b in v.encode()) + "\n"
            for n, v in enumerate(row.values())
        )
        cards.append(f"BEGIN:VCARD\n{lines}END:VCARD\n")
    return "".join(cards).encode()


def as_zip(rows: list[Row]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("dir/a.csv", as_csv(rows))
        archive.writestr("dir/b.txt", "nothing of interest")
    return out.getvalue()


def as_tar(rows: list[Row]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("a.json")
        info.size = len(as_json(rows))
        archive.addfile(info, io.BytesIO(as_json(rows)))
    return out.getvalue()


def as_xlsx(rows: list[Row]) -> bytes:
    book = openpyxl.Workbook()
    book.create_sheet("shown").append(["nothing"])
    sheet = book.create_sheet("hidden")
    sheet.sheet_state = "veryHidden"
    for row in rows:
        sheet.append(list(row.values()))
    out = io.BytesIO()
    book.properties.created = datetime(2026, 1, 1)  # noqa: DTZ001 - the library takes no zone
    book.save(out)
    return out.getvalue()


_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TYPES = '<?xml version="1.0"?><Types xmlns="urn:x"><Default Extension="xml"/></Types>'


def _office(parts: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def _word(body: str) -> bytes:
    document = f'<w:document xmlns:w="{_W}"><w:body>{body}</w:body></w:document>'
    return _office({"[Content_Types].xml": _TYPES, "word/document.xml": document})


def _run(text: str) -> str:
    half = len(text) // 2
    return f"<w:p><w:r><w:t>{text[:half]}</w:t></w:r><w:r><w:t>{text[half:]}</w:t></w:r></w:p>"


def as_docx_table(rows: list[Row]) -> bytes:
    lines = [
        "<w:tr>" + "".join(f"<w:tc>{_run(value)}</w:tc>" for value in row.values()) + "</w:tr>"
        for row in rows
    ]
    return _word(f"<w:tbl>{''.join(lines)}</w:tbl>")


def as_docx_prose(rows: list[Row]) -> bytes:
    return _word("".join(_run(",".join(row.values())) for row in rows))


def as_ods(rows: list[Row]) -> bytes:
    lines = [
        "<table:table-row>"
        + "".join(
            f"<table:table-cell><text:p>{v}</text:p></table:table-cell>" for v in row.values()
        )
        + "</table:table-row>"
        for row in rows
    ]
    content = (
        '<office:d xmlns:office="o" xmlns:table="t" xmlns:text="x"><table:table>'
        + "".join(lines)
        + "</table:table></office:d>"
    )
    mime = "application/vnd.oasis.opendocument.spreadsheet"
    return _office({"mimetype": mime, "content.xml": content})


FORMS: dict[str, Writer] = {
    name.removeprefix("as_"): writer
    for name, writer in sorted(globals().items())
    if name.startswith("as_") and name not in {"as_form", "as_multipart"}
} | {
    "tsv": lambda rows: as_csv(rows, "\t"),
    "semicolons": lambda rows: as_csv(rows, ";"),
    "gb18030": lambda rows: as_csv(rows, "\t").decode().encode("gb18030"),
    "gbk lines": lambda rows: as_fields(rows).decode().encode("gbk"),
    "utf-16 without a mark": lambda rows: as_csv(rows).decode().encode("utf-16-le"),
    "utf-16": lambda rows: as_json(rows).decode().encode("utf-16"),
    "utf-32": lambda rows: as_csv(rows).decode().encode("utf-32"),
    "utf-8 with a mark": lambda rows: b"\xef\xbb\xbf" + as_csv(rows),
    "ndjson": lambda rows: b"\n".join(json.dumps(row).encode() for row in rows),
    "json sequence": lambda rows: b"".join(
        b"\x1e" + json.dumps(row).encode() + b"\n" for row in rows
    ),
    "indented json": lambda rows: json.dumps(rows, indent=2).encode(),
    "broken json": lambda rows: json.dumps(rows, indent=2).encode()[:-1] + b",",
    "script": lambda rows: b"var people = " + as_json(rows) + b";",
    "json string": lambda rows: json.dumps(as_json(rows).decode()).encode(),
    "gzip": lambda rows: gzip.compress(as_json(rows)),
    "zlib": lambda rows: zlib.compress(as_csv(rows)),
    "deflate": lambda rows: zlib.compress(as_csv(rows), wbits=-15),
    "bzip2": lambda rows: bz2.compress(as_csv(rows)),
    "xz": lambda rows: lzma.compress(as_csv(rows)),
    "base64": lambda rows: base64.b64encode(as_csv(rows)),
    "base64 in lines": lambda rows: base64.encodebytes(as_csv(rows)),
    "url-safe base64": lambda rows: base64.urlsafe_b64encode(as_json(rows)).rstrip(b"="),
    "double base64": lambda rows: base64.b64encode(base64.b64encode(as_json(rows))),
    "hex": lambda rows: as_json(rows).hex().encode(),
    "percent": lambda rows: quote(as_json(rows)).encode(),
    "percent in cells": lambda rows: as_csv([{k: quote(v) for k, v in r.items()} for r in rows]),
    "quoted-printable": lambda rows: quopri.encodestring(as_csv(rows)),
    "escapes": lambda rows: as_csv(rows).decode().encode("ascii", "backslashreplace"),
    "entities": lambda rows: as_csv(rows).decode().encode("ascii", "xmlcharrefreplace"),
    "all entities": lambda rows: "".join(f"&#{ord(c)};" for c in as_csv(rows).decode()).encode(),
    "python": lambda rows: repr(rows).encode(),
    "pages": lambda rows: "\n".join("\n".join(row.values()) for row in rows).encode(),
}
