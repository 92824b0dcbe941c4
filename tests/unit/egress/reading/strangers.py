# SPDX-License-Identifier: Apache-2.0
"""The same records in forms that no table has: on their side, under paths, as numbers of bytes."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from email.header import Header
from typing import Final

from tests.unit.egress.reading.writers import Row, Writer, as_csv


def values(rows: list[Row]) -> list[list[str]]:
    return [list(row.values()) for row in rows]


def cells_of(rows: list[Row]) -> Iterator[tuple[int, str, str]]:
    for number, row in enumerate(rows):
        for key, value in row.items():
            yield number, key, value


def as_lines_in_cells(rows: list[Row]) -> bytes:
    """Names and places with a note below, in the same cell."""
    text = io.StringIO()
    writer = csv.writer(text)
    for row in values(rows):
        writer.writerow(f"{v}\n注,详见附件" if at % 2 == 0 else v for at, v in enumerate(row))
    return text.getvalue().encode()


def as_marks_at_ends(rows: list[Row]) -> bytes:
    """Turtle: every line ends with what parts cells elsewhere."""
    lines = [
        f"e:r{at} a e:Row ;\n  " + " ;\n  ".join(f'e:f{m} "{v}"' for m, v in enumerate(row)) + " ."
        for at, row in enumerate(values(rows))
    ]
    return "\n".join(lines).encode()


def as_continued_lines(rows: list[Row]) -> bytes:
    return "\n".join(",\\\n".join(row * 2) for row in values(rows)).encode()


def as_folded_scalars(rows: list[Row]) -> bytes:
    """YAML in ASCII: a value may go on in the next line, in the middle of a word."""
    lines = []
    for row in rows:
        for mark, (key, value) in zip("-   ", row.items(), strict=True):
            text = "".join(f"\\u{ord(character):04X}" for character in value)
            pieces = [text[at : at + 24] for at in range(0, len(text), 24)]
            lines.append(f'{mark} "{json.dumps(key)[1:-1]}": "' + "\\\n    ".join(pieces) + '"')
    return "\n".join(lines).encode()


def as_messages(rows: list[Row]) -> bytes:
    """A conversation: who and when, and then one value."""
    return "\n".join(f"小王 10:{at:02}\n{value}" for at, _, value in cells_of(rows)).encode()


def as_entries_with_remarks(rows: list[Row]) -> bytes:
    """LDIF: fields below one another, and remarks that are longer than any field."""
    remark = base64.b64encode("经核实情况属实".encode() * 12).decode()
    entries = []
    for at, row in enumerate(values(rows)):
        fields = [f"a{m}:: {base64.b64encode(v.encode()).decode()}" for m, v in enumerate(row)]
        entries.append("\n".join([f"dn: cn={at}", *fields, *(f"r{m}:: {remark}" for m in (1, 2))]))
    return "\n\n".join(entries).encode()


def as_markup_on_its_side(rows: list[Row]) -> bytes:
    lines = ("".join(f"<td>{row[key]}</td>" for row in rows) for key in rows[0])
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>".encode()


def as_objects_on_their_side(rows: list[Row]) -> bytes:
    rows = rows * (1 + 8 // len(rows))
    people = [{"field": key} | {f"{at}": r[key] for at, r in enumerate(rows)} for key in rows[0]]
    return json.dumps(people, ensure_ascii=False).encode()


def as_pages_on_their_side(rows: list[Row]) -> bytes:
    """Two records a page, each a column."""
    pages = [rows[at : at + 2] for at in range(0, len(rows), 2)]
    blocks = ("\n".join("\t".join([k, *(r[k] for r in page)]) for k in rows[0]) for page in pages)
    return "\n\n".join(blocks).encode()


def as_vectors(rows: list[Row]) -> bytes:
    """A program in R."""
    columns = (f"  {k} = c({', '.join(json.dumps(r[k]) for r in rows)})" for k in rows[0])
    return ("x <- data.frame(\n" + ",\n".join(columns) + ")\n").encode()


def as_flat_paths(rows: list[Row]) -> bytes:
    """More fields than any record has, under a path each."""
    rows = [*rows, *rows[:1] * max(0, 20 - len(rows))]
    return json.dumps({f"rows[{at}].{k}": v for at, k, v in cells_of(rows)}).encode()


def as_patch(rows: list[Row]) -> bytes:
    changes = [{"op": "add", "path": f"/{at}/{k}", "value": v} for at, k, v in cells_of(rows)]
    return json.dumps(changes, ensure_ascii=False).encode()


def as_lines_of_paths(rows: list[Row]) -> bytes:
    return "\n".join(f"/rs/r[{at}]/{key}={value}" for at, key, value in cells_of(rows)).encode()


def as_subjects(rows: list[Row]) -> bytes:
    """Headers of letters, whose encoded words break values, even characters."""
    subjects = (Header(" ".join(row), "utf-8").encode() for row in values(rows))
    letters = (f"From a Mon Mar 2\nSubject: {subject}\n\nbody\n" for subject in subjects)
    return "\n".join(letters).encode()


def as_dump(rows: list[Row]) -> bytes:
    """``xxd``: what stands at the end of a line is digits too."""
    body = as_csv(rows)
    lines = []
    for at in range(0, len(body), 16):
        row = body[at : at + 16]
        pairs = " ".join(row[n : n + 2].hex() for n in range(0, 16, 2))
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{at:08x}: {pairs:<39}  {shown}")
    return "\n".join(lines).encode()


def as_dump_of_words(rows: list[Row]) -> bytes:
    """``hexdump``: words with the low byte last, as the machine has them."""
    body = as_csv(rows) + b"\n"
    body += b"\n" * (-len(body) % 16)
    lines = (
        f"{at:07x} " + " ".join(body[n : n + 2][::-1].hex() for n in range(at, at + 16, 2))
        for at in range(0, len(body), 16)
    )
    return "\n".join(lines).encode()


def as_array(rows: list[Row]) -> bytes:
    """``xxd -i``."""
    return f"char x[] = {{{', '.join(f'0x{byte:02x}' for byte in as_csv(rows))}}};\n".encode()


def as_buffer(rows: list[Row]) -> bytes:
    """What a program makes of bytes that it writes as JSON."""
    return json.dumps({"type": "Buffer", "data": list(as_csv(rows))}).encode()


def as_signed_bytes(rows: list[Row]) -> bytes:
    return json.dumps([(byte ^ 0x80) - 0x80 for byte in as_csv(rows)]).encode()


def as_decimals(rows: list[Row]) -> bytes:
    return " ".join(map(str, as_csv(rows))).encode()


def as_bits(rows: list[Row]) -> bytes:
    return " ".join(f"{byte:08b}" for byte in as_csv(rows)).encode()


def as_pairs(rows: list[Row]) -> bytes:
    return as_csv(rows).hex(":").encode()


def each(rows: list[Row], written: str) -> bytes:
    """Characters beyond ASCII as numbers, as *written*."""
    text = as_csv(rows).decode()
    return "".join(c if c.isascii() else written.format(ord(c)) for c in text).encode()


def as_browser_escapes(rows: list[Row]) -> bytes:
    return each(rows, "%u{:04X}")


def as_long_escapes(rows: list[Row]) -> bytes:
    return each(rows, "\\U{:08x}")


def as_braced_escapes(rows: list[Row]) -> bytes:
    return each(rows, "\\x{{{:x}}}")


def as_code_points(rows: list[Row]) -> bytes:
    text = as_csv(rows).decode()
    return "\n".join(
        " ".join(f"U+{ord(c):04X}" for c in line) for line in text.split("\n")
    ).encode()


def as_lost_backslashes(rows: list[Row]) -> bytes:
    return each(rows, "u{:04x}")


def as_open_entities(rows: list[Row]) -> bytes:
    """As browsers read them too, unless a digit follows."""
    return "".join(f"&#{ord(character)}" for character in as_csv(rows).decode()).encode()


def as_garbled(rows: list[Row]) -> bytes:
    """Read as Western, written as UTF-8."""
    return as_csv(rows).decode("latin-1").encode()


def as_garbled_by_windows(rows: list[Row]) -> bytes:
    text = as_csv(rows).decode().encode("gb18030")
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text).encode()


STRANGERS: Final[dict[str, Writer]] = {
    name.removeprefix("as_"): writer
    for name, writer in sorted(globals().items())
    if name.startswith("as_") and name != "as_csv"
}
