# SPDX-License-Identifier: Apache-2.0
"""Every form in which released rows are tried to be passed on: the rows in, a body out."""

import base64
import binascii
import csv
import gzip
import html
import io
import json
import re
import zipfile
from collections.abc import Callable
from random import Random
from urllib.parse import quote
from xml.sax.saxutils import escape

import opencc
import openpyxl

from tests.egress.generators import Row
from tests.egress.roles import changed, only, role_of
from tests.unit.egress.reading import strangers

Form = Callable[[list[Row]], bytes]
Line = Callable[[list[str]], str]

_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def as_json(rows: list[Row]) -> bytes:
    return json.dumps({"data": {"total": len(rows), "rows": rows}}, ensure_ascii=False).encode()


def delimited(rows: list[Row], delimiter: str = ",") -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return text.getvalue()


def as_csv(rows: list[Row]) -> bytes:
    return delimited(rows).encode()


def renamed(rows: list[Row]) -> bytes:
    return as_json([{f"f{at}": cell for at, cell in enumerate(row.values())} for row in rows])


def reordered(rows: list[Row]) -> bytes:
    random = Random(7)  # noqa: S311 - an order, not a secret
    mixed = [dict(random.sample(list(row.items()), len(row))) for row in rows]
    return as_json(random.sample(mixed, len(mixed)))


def xml(rows: list[Row]) -> bytes:
    people = "".join(
        "<item>"
        + "".join(f"<v{at}>{escape(c)}</v{at}>" for at, c in enumerate(r.values()))
        + "</item>"
        for r in rows
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><list>{people}</list>'.encode()


def gzip_base64_in_json(rows: list[Row]) -> bytes:
    inner = base64.b64encode(gzip.compress(as_json(rows), mtime=0)).decode()
    return json.dumps({"version": 2, "payload": inner}).encode()


def entities(rows: list[Row]) -> bytes:
    text = html.escape(delimited(rows, "\t"))
    return "".join(c if c.isascii() else f"&#{ord(c)};" for c in text).encode()


def each_value(change: Callable[[str], str]) -> Form:
    return lambda rows: as_csv([{k: change(v) for k, v in row.items()} for row in rows])


def regrouped(rows: list[Row]) -> bytes:
    def regroup(row: Row) -> Row:
        number, mobile = row[role_of(row, "id")], row[role_of(row, "phone")]
        day = row[role_of(row, "date")]
        parts = "-".join(re.findall(r"\d+", day))
        year, month, date = (int(part) for part in parts.split("-"))
        return changed(
            row,
            id=f"{number[:6]} {number[6:14]} {number[14:]}",
            phone=f"+86 {mobile[:3]}-{mobile[3:7]}-{mobile[7:]}",
            date=f"{year}.{month:02}.{date:02}",
        )

    return as_csv([regroup(row) for row in rows])


def workbook(rows: list[Row]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(rows[0]))
    for row in rows:
        sheet.append(list(row.values()))
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()


def zipped_csv(rows: list[Row]) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("out/data.txt", delimited(rows, "|"))
    return body.getvalue()


def prose(rows: list[Row]) -> bytes:
    """No delimiter at all between what belongs to one person; a line each."""
    return "\n".join(
        f"经查{r[role_of(r, 'name')]}的证件号码为{r[role_of(r, 'id')]}现住"
        f"{r[role_of(r, 'address')]}联系方式{r[role_of(r, 'phone')]}登记于{r[role_of(r, 'date')]}"
        for r in rows
    ).encode()


def masked(rows: list[Row]) -> bytes:
    return as_csv(
        [
            changed(
                row,
                id=row[role_of(row, "id")][:6] + "********" + row[role_of(row, "id")][-4:],
                phone=row[role_of(row, "phone")][:3] + "****" + row[role_of(row, "phone")][-4:],
            )
            for row in rows
        ]
    )


def yaml(rows: list[Row]) -> bytes:
    return "\n".join(
        "- " + "\n  ".join(f"{k}: {json.dumps(v, ensure_ascii=False)}" for k, v in row.items())
        for row in rows
    ).encode()


def html_table(rows: list[Row]) -> bytes:
    lines = "".join(
        "<tr>" + "".join(f"<td>{html.escape(v)}</td>" for v in row.values()) + "</tr>"
        for row in rows
    )
    return f"<html><body><table>{lines}</table></body></html>".encode()


def sql(rows: list[Row]) -> bytes:
    return "\n".join(
        f"INSERT INTO t ({', '.join(f'c{n}' for n in range(len(row)))}) VALUES ("  # noqa: S608 - a text
        + ", ".join(f"'{value}'" for value in row.values())
        + ");"
        for row in rows
    ).encode()


def fixed_width(rows: list[Row]) -> bytes:
    widths = [max(len(row[key]) for row in rows) + 2 for key in rows[0]]
    return "\n".join(
        "".join(v.ljust(w) for v, w in zip(row.values(), widths, strict=True)) for row in rows
    ).encode()


def ini(rows: list[Row]) -> bytes:
    return "\n".join(
        f"[person{at}]\n" + "\n".join(f"k{n} = {v}" for n, v in enumerate(row.values())) + "\n"
        for at, row in enumerate(rows)
    ).encode()


def vcard(rows: list[Row]) -> bytes:
    return "".join(
        "BEGIN:VCARD\r\nVERSION:4.0\r\n"
        f"FN:{r[role_of(r, 'name')]}\r\nTEL;TYPE=cell:{r[role_of(r, 'phone')]}\r\n"
        f"ADR;TYPE=home:;;{r[role_of(r, 'address')]};;;;\r\n"
        f"NOTE:{r[role_of(r, 'id')]}\r\nEND:VCARD\r\n"
        for r in rows
    ).encode()


def json_in_csv(rows: list[Row]) -> bytes:
    return delimited(
        [{"no": str(n), "doc": json.dumps(r, ensure_ascii=False)} for n, r in enumerate(rows)]
    ).encode()


def transposed(rows: list[Row]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([key, *(row[key] for row in rows)] for key in rows[0])
    return text.getvalue().encode()


def backslash(rows: list[Row]) -> bytes:
    text = "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in delimited(rows))
    return text.encode()


def in_letter(block: str) -> bytes:
    return f"各位同事：\n\n附上名单，请查收。\n\n{block}\n\n此致\n敬礼\n".encode()


def base64_in_letter(rows: list[Row]) -> bytes:
    return in_letter(base64.encodebytes(as_csv(rows)).decode())


def base85_in_letter(rows: list[Row]) -> bytes:
    packed = base64.b85encode(as_csv(rows)).decode()
    return in_letter("\n".join(packed[at : at + 76] for at in range(0, len(packed), 76)))


def uuencoded_in_letter(rows: list[Row]) -> bytes:
    body = as_csv(rows)
    lines = (binascii.b2a_uu(body[at : at + 45]).decode() for at in range(0, len(body), 45))
    return in_letter(f"begin 644 list.csv\n{''.join(lines)}`\nend")


def data_uri(rows: list[Row]) -> bytes:
    uri = f"data:text/csv;base64,{base64.b64encode(as_csv(rows)).decode()}"
    return f'<p>名单见<a href="{uri}">附件</a></p>'.encode()


_TRADITIONAL = opencc.OpenCC("s2t")

WHOLE: dict[str, Form] = {
    "as released (JSON)": as_json,
    "fields renamed": renamed,
    "rows and columns reordered": reordered,
    "CSV": as_csv,
    "tab-separated, GB18030": lambda rows: delimited(rows, "\t").encode("gb18030"),
    "XML": xml,
    "UTF-16": lambda rows: as_csv(rows).decode().encode("utf-16"),
    "gzip": lambda rows: gzip.compress(as_csv(rows), mtime=0),
    "base64": lambda rows: base64.b64encode(as_csv(rows)),
    "gzip and base64 inside JSON": gzip_base64_in_json,
    "hexadecimal": lambda rows: as_json(rows).hex().encode(),
    "percent-encoding": lambda rows: quote(delimited(rows)).encode(),
    "\\u escapes": backslash,
    "HTML entities": entities,
    "full-width characters": each_value(lambda value: value.translate(_WIDE)),
    "traditional Chinese": each_value(_TRADITIONAL.convert),
    "numbers and dates regrouped": regrouped,
    "XLSX": workbook,
    "ZIP": zipped_csv,
    "prose without delimiters": prose,
    "identifier only": lambda rows: as_csv(only(rows, "id")),
    "identifier and phone masked, rest kept": masked,
    "YAML": yaml,
    "HTML table": html_table,
    "SQL INSERTs": sql,
    "fixed-width text": fixed_width,
    "INI": ini,
    "vCard": vcard,
    "double base64": lambda rows: base64.b64encode(base64.b64encode(as_csv(rows))),
    "base64 block in a letter": base64_in_letter,
    "uuencoded file in a letter": uuencoded_in_letter,
    "data URI": data_uri,
    "base32": lambda rows: base64.b32encode(as_csv(rows)),
    "base85": lambda rows: base64.b85encode(as_csv(rows)),
    "base85 block in a letter": base85_in_letter,
    "ASCII85": lambda rows: base64.a85encode(as_csv(rows), adobe=True, wrapcol=76),
    "JSON inside a CSV cell": json_in_csv,
    "transposed table": transposed,
    "HTML table on its side": strangers.as_markup_on_its_side,
    "CSV with lines in its cells": strangers.as_lines_in_cells,
    "one value a message": strangers.as_messages,
    "JSON with paths as keys": strangers.as_flat_paths,
    "JSON list of bytes": strangers.as_buffer,
    "hex dump": strangers.as_dump,
    "escapes of a browser": strangers.as_browser_escapes,
    "read in a wrong character set": strangers.as_garbled,
}
"""Forms of which every row is to be recognised."""

MIXED: dict[str, int] = {
    "5 % of the rows, among own": 19,
    "interleaved with as many own rows": 1,
}
"""How many own rows stand after each released one."""

COLUMNS: dict[str, str] = {
    "phone only": "phone",
    "address only": "address",
    "amount only": "amount",
}
"""One column, recognised by containment."""
