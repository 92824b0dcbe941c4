# SPDX-License-Identifier: Apache-2.0
"""The same records in the forms that clerks and developers hand on day by day."""

import base64
import csv
import html
import io
import json
import zipfile
from typing import Final
from urllib.parse import quote, urlencode

from tests.unit.egress.reading.writers import Row, Writer, as_csv, as_json


def as_wps_csv(rows: list[Row]) -> bytes:
    """GB18030, with the mark of UTF-8 in front, as a tool writes that only half converts."""
    lines = as_csv(rows).decode().replace("\n", "\r\n")
    return b"\xef\xbb\xbf" + lines.encode("gb18030")


def as_text_formulas(rows: list[Row]) -> bytes:
    """Numbers kept from rounding, as ``="…"`` or with a quote mark or a tab in front."""
    marks = ('="%s"', "'%s", "%s\t")
    lines = [
        ",".join(
            f'"{cell.replace(chr(34), chr(34) * 2)}"'
            for n, value in enumerate(row.values())
            for cell in [marks[n % 3] % value]
        )
        for row in rows
    ]
    return "\r\n".join(lines).encode("utf-8-sig")


def as_spreadsheet_2003(rows: list[Row]) -> bytes:
    cells = [
        "<Row>"
        + "".join(f'<Cell><Data ss:Type="String">{value}</Data></Cell>' for value in row.values())
        + "</Row>"
        for row in rows
    ]
    return (
        '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>\n'
        '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Styles><Style ss:ID="Default">'
        '<Font ss:FontName="宋体" ss:Size="11"/></Style></Styles><Worksheet ss:Name="Sheet1">'
        f'<Table ss:ExpandedColumnCount="{len(rows[0])}">{"".join(cells)}</Table>'
        "</Worksheet></Workbook>"
    ).encode()


def as_clipboard(rows: list[Row]) -> bytes:
    """Cells copied from a sheet, one of them with a line break inside."""
    lines = ["\t".join([*row.values(), '"第一行\n第二行"']) for row in rows]
    return "\r\n".join(lines).encode("utf-16")


def as_chat_paste(rows: list[Row]) -> bytes:
    return "\n".join(f"{key}：{value}" for row in rows for key, value in row.items()).encode()


def as_chat_log(rows: list[Row]) -> bytes:
    blocks = [
        f"王五 2026/3/{n % 28 + 1} 9:{n % 60:02}:08\n"
        + "\n".join(f"{key}：{value}" for key, value in row.items())
        for n, row in enumerate(rows)
    ]
    return "\n".join(blocks).encode()


def as_chat_lines(rows: list[Row]) -> bytes:
    lines = [
        f"[2026-03-0{n % 9 + 1} 09:1{n % 10}] 王五: {'，'.join(row.values())} 请核对"
        for n, row in enumerate(rows)
    ]
    return "\n".join(lines).encode()


def as_bare_values(rows: list[Row]) -> bytes:
    """One value a line, one record after the other, with a number in front of each record."""
    return "\n".join("\n".join([str(n + 1), *row.values()]) for n, row in enumerate(rows)).encode()


def as_numbered(rows: list[Row]) -> bytes:
    """Numbered paragraphs of a notice."""
    return "\n".join(
        f"{n + 1}、{'，'.join(f'{k}：{v}' for k, v in row.items())}；" for n, row in enumerate(rows)
    ).encode()


def as_row_numbers_between(rows: list[Row]) -> bytes:
    return "\r\n".join(f"{n}\r\n" + ",".join(r.values()) for n, r in enumerate(rows)).encode()


def as_jsonp(rows: list[Row]) -> bytes:
    return b'/**/jQuery1113_16({"code":200,"data":' + as_json(rows) + b"});"


def as_json_arrays(rows: list[Row]) -> bytes:
    return json.dumps([list(rows[0]), *(list(row.values()) for row in rows)]).encode()


def as_deep_json_arrays(rows: list[Row]) -> bytes:
    table = [[{"v": value, "s": 1} for value in row.values()] for row in rows]
    return json.dumps({"sheet": {"name": "a", "celldata": table}}).encode()


def as_coordinates(rows: list[Row]) -> bytes:
    """Cells of an online sheet: row, column, value."""
    cells = [
        {"r": r, "c": c, "v": {"v": value, "m": value, "ct": {"fa": "@", "t": "s"}}}
        for r, row in enumerate(rows)
        for c, value in enumerate(row.values())
    ]
    return json.dumps([{"name": "Sheet1", "celldata": cells}]).encode()


def as_flat_coordinates(rows: list[Row]) -> bytes:
    cells = [
        {"row": r, "col": c, "value": value}
        for c, key in enumerate(rows[0])
        for r, value in enumerate(row[key] for row in rows)
    ]
    return json.dumps(cells).encode()


def as_thrice_encoded(rows: list[Row]) -> bytes:
    text = json.dumps(rows)
    for _ in range(3):
        text = json.dumps(text)
    return text.encode()


def as_name_value_pairs(rows: list[Row]) -> bytes:
    people = [[{"name": key, "value": value} for key, value in row.items()] for row in rows]
    return json.dumps({"records": [{"id": n, "fields": p} for n, p in enumerate(people)]}).encode()


def as_protobuf_text(rows: list[Row]) -> bytes:
    blocks = [
        "person {\n" + "".join(f'  f{n}: "{v}"\n' for n, v in enumerate(row.values())) + "}\n"
        for row in rows
    ]
    return "".join(blocks).encode()


def as_octal_protobuf_text(rows: list[Row]) -> bytes:
    """The same as its printer writes it: bytes that are no ASCII as octal escapes."""
    return "".join(chr(b) if b < 0x80 else f"\\{b:03o}" for b in as_protobuf_text(rows)).encode()


def as_toml(rows: list[Row]) -> bytes:
    blocks = [
        "[[people]]\n" + "".join(f'"{key}" = "{value}"\n' for key, value in row.items())
        for row in rows
    ]
    return "\n".join(blocks).encode()


def as_java(rows: list[Row]) -> bytes:
    users = [
        "User{" + ", ".join(f"f{n}='{value}'" for n, value in enumerate(row.values())) + "}"
        for row in rows
    ]
    return f"[{', '.join(users)}]".encode()


def as_lombok(rows: list[Row]) -> bytes:
    users = [
        "User(" + ", ".join(f"f{n}={value}" for n, value in enumerate(row.values())) + ")"
        for row in rows
    ]
    return f"PageResult(total=2, list=[{', '.join(users)}])".encode()


def as_python_objects(rows: list[Row]) -> bytes:
    users = [
        "User(" + ", ".join(f"f{n}={value!r}" for n, value in enumerate(row.values())) + ")"
        for row in rows
    ]
    return f"[{', '.join(users)}]".encode()


def as_tuples(rows: list[Row]) -> bytes:
    return repr([tuple(row.values()) for row in rows]).encode()


def as_go(rows: list[Row]) -> bytes:
    return " ".join(
        "{" + " ".join(f"F{n}:{value}" for n, value in enumerate(row.values())) + "}"
        for row in rows
    ).encode()


def as_ruby(rows: list[Row]) -> bytes:
    people = ["{" + ", ".join(f'"{k}"=>"{v}"' for k, v in row.items()) + "}" for row in rows]
    return f"[{', '.join(people)}]".encode()


def as_php(rows: list[Row]) -> bytes:
    def string(text: str) -> str:
        return f's:{len(text.encode())}:"{text}";'

    people = "".join(
        f"i:{n};a:{len(row)}:{{"
        + "".join(string(key) + string(value) for key, value in row.items())
        + "}"
        for n, row in enumerate(rows)
    )
    return f"a:{len(rows)}:{{{people}}}".encode()


def as_php_dump(rows: list[Row]) -> bytes:
    """What ``print_r`` shows."""
    people = "".join(
        f"    [{n}] => Array\n        (\n"
        + "".join(f"            [{key}] => {value}\n" for key, value in row.items())
        + "        )\n\n"
        for n, row in enumerate(rows)
    )
    return f"Array\n(\n{people})\n".encode()


def as_javascript(rows: list[Row]) -> bytes:
    people = [
        "{" + ", ".join(f"f{n}: '{v}'" for n, v in enumerate(row.values())) + "}" for row in rows
    ]
    return ("export const people = [\n  " + ",\n  ".join(people) + "\n];\n").encode()


def as_markdown_list(rows: list[Row]) -> bytes:
    return "\n".join(
        f"- 第{n + 1}户\n" + "\n".join(f"  - **{key}**：{value}" for key, value in row.items())
        for n, row in enumerate(rows)
    ).encode()


def as_bold_table(rows: list[Row]) -> bytes:
    """Markdown with the names in bold and the numbers as code."""
    lines = [
        "|" + "|".join(f"**{v}**" if n % 2 else f"`{v}`" for n, v in enumerate(row.values())) + "|"
        for row in rows
    ]
    return "\n".join(["|" + "|".join(rows[0]) + "|", "|" + ":-:|" * len(rows[0]), *lines]).encode()


def as_latex(rows: list[Row]) -> bytes:
    lines = [" & ".join(row.values()) + r" \\ \hline" for row in rows]
    return (r"\begin{tabular}{|l|l|}" + "\n" + "\n".join(lines) + "\n" + r"\end{tabular}").encode()


def as_ascii_frame(rows: list[Row]) -> bytes:
    """What a database client prints."""
    rule = "+" + "-------+" * len(rows[0])
    lines = ["| " + " | ".join(row.values()) + " |" for row in rows]
    return "\n".join([rule, "| " + " | ".join(rows[0]) + " |", rule, *lines, rule]).encode()


def as_vertical_client(rows: list[Row]) -> bytes:
    r"""The same client after ``\G``."""
    return "".join(
        f"*************************** {n + 1}. row ***************************\n"
        + "".join(f"{key:>8}: {value}\n" for key, value in row.items())
        for n, row in enumerate(rows)
    ).encode()


def as_expanded_client(rows: list[Row]) -> bytes:
    r"""Another client after ``\x``."""
    return "".join(
        f"-[ RECORD {n + 1} ]---------\n"
        + "".join(f"{key} | {value}\n" for key, value in row.items())
        for n, row in enumerate(rows)
    ).encode()


def as_query_lines(rows: list[Row]) -> bytes:
    return "\n".join("https://api.example.com/v1/query?" + urlencode(row) for row in rows).encode()


def as_form_lines(rows: list[Row]) -> bytes:
    return "\n".join(urlencode(row) for row in rows).encode()


def as_indexed_form(rows: list[Row]) -> bytes:
    """A form that browsers send for a table: ``rows[0][name]=…``."""
    return urlencode(
        {f"rows[{n}][{key}]": value for n, row in enumerate(rows) for key, value in row.items()}
    ).encode()


def as_gbk_percent(rows: list[Row]) -> bytes:
    return "\n".join(
        "&".join(f"f{n}={quote(v, encoding='gbk')}" for n, v in enumerate(row.values()))
        for row in rows
    ).encode()


def as_access_log(rows: list[Row]) -> bytes:
    return "\n".join(
        f'10.0.0.{n % 9} - - [02/Mar/2026:10:00:{n % 60:02} +0800] "GET /q?'
        + urlencode(row)
        + ' HTTP/1.1" 200 512 "-" "curl/8.5"'
        for n, row in enumerate(rows)
    ).encode()


def as_mail(rows: list[Row]) -> bytes:
    packed = base64.encodebytes(as_csv(rows).decode().encode("gbk")).decode()
    return (
        "From: =?utf-8?B?5byg5LiJ?= <a@example.com>\r\nTo: b@example.com\r\n"
        "Subject: list\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="=_x"\r\n\r\n'
        "--=_x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nsee below\r\n"
        '--=_x\r\nContent-Type: text/csv; charset=gbk; name="a.csv"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n" + packed + "\r\n--=_x--\r\n"
    ).encode()


def as_soap(rows: list[Row]) -> bytes:
    """A document of XML, escaped inside the answer of a web service."""
    inner = "".join(
        "<row>" + "".join(f"<f{n}>{v}</f{n}>" for n, v in enumerate(row.values())) + "</row>"
        for row in rows
    )
    body = html.escape(f'<?xml version="1.0"?><rows>{inner}</rows>')
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f"<qResponse><qResult>{body}</qResult></qResponse></soap:Body></soap:Envelope>"
    ).encode()


def as_cdata(rows: list[Row]) -> bytes:
    return b"<r><code>0</code><data><![CDATA[" + as_json(rows) + b"]]></data></r>"


def as_gb2312_xml(rows: list[Row]) -> bytes:
    people = "".join(
        "<p>" + "".join(f"<f{n}>{v}</f{n}>" for n, v in enumerate(row.values())) + "</p>"
        for row in rows
    )
    return f'<?xml version="1.0" encoding="GB2312"?><rows>{people}</rows>'.encode("gbk")


def as_keyed_xml(rows: list[Row]) -> bytes:
    people = "".join(
        "<record>"
        + "".join(f'<field name="{key}" type="string">{v}</field>' for key, v in row.items())
        + "</record>"
        for row in rows
    )
    return f"<mysqldump><table_data>{people}</table_data></mysqldump>".encode()


def as_geojson(rows: list[Row]) -> bytes:
    points = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [113.3, 23.1]},
            "properties": row,
        }
        for row in rows
    ]
    return json.dumps({"type": "FeatureCollection", "features": points}).encode()


def as_fhir(rows: list[Row]) -> bytes:
    entries = [
        {"resource": {"t": "Patient", "identifier": [{"value": v} for v in row.values()]}}
        for row in rows
    ]
    return json.dumps({"resourceType": "Bundle", "entry": entries}).encode()


def as_ldif(rows: list[Row]) -> bytes:
    blocks = [
        f"dn: uid={n},ou=people,dc=example\nobjectClass: person\n"
        + "".join(
            f"f{m}:: {base64.b64encode(value.encode()).decode()}\n"
            for m, value in enumerate(row.values())
        )
        for n, row in enumerate(rows)
    ]
    return "\n".join(blocks).encode()


def as_vcard_2(rows: list[Row]) -> bytes:
    """Version 2.1, GB18030 in quoted-printable, folded with an equals sign."""
    cards = []
    for row in rows:
        lines = ""
        for n, value in enumerate(row.values()):
            packed = "".join(f"={b:02X}" for b in value.encode("gb18030"))
            packed = "=\r\n".join(packed[at : at + 60] for at in range(0, len(packed), 60))
            lines += f"X-F{n};CHARSET=GB18030;ENCODING=QUOTED-PRINTABLE:{packed}\r\n"
        cards.append(f"BEGIN:VCARD\r\nVERSION:2.1\r\n{lines}END:VCARD\r\n")
    return "".join(cards).encode()


def as_structured_vcard(rows: list[Row]) -> bytes:
    return "".join(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nADR;TYPE=home:;;"
        + ";".join(row.values())
        + ";;\r\nEND:VCARD\r\n"
        for row in rows
    ).encode()


def as_calendar(rows: list[Row]) -> bytes:
    events = [
        "BEGIN:VEVENT\r\n"
        + "".join(f"X-F{n}:{value}\r\n" for n, value in enumerate(row.values()))
        + "END:VEVENT\r\n"
        for row in rows
    ]
    return ("BEGIN:VCALENDAR\r\n" + "".join(events) + "END:VCALENDAR\r\n").encode()


def as_sql_copy(rows: list[Row]) -> bytes:
    lines = ["\t".join([*row.values(), r"\N"]) for row in rows]
    return (
        "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\n"
        "COPY public.people (a, b, c, d, e) FROM stdin;\n" + "\n".join(lines) + "\n\\.\n\n"
    ).encode()


def as_mysqldump(rows: list[Row]) -> bytes:
    tuples = [
        f"({n}," + ",".join(f"'{v}'" for v in row.values()) + r",'it\'s \"x\"\n',NULL)"
        for n, row in enumerate(rows)
    ]
    return (
        "-- MySQL dump 10.13\n/*!40101 SET NAMES utf8mb4 */;\nLOCK TABLES `people` WRITE;\n"
        f"INSERT INTO `people` VALUES {','.join(tuples)};\nUNLOCK TABLES;\n"
    ).encode()


def as_insert_set(rows: list[Row]) -> bytes:
    return "\n".join(
        "INSERT INTO p SET "
        + ", ".join(f"`f{n}` = '{v}'" for n, v in enumerate(row.values()))
        + ";"
        for row in rows
    ).encode()


def as_hex_literals(rows: list[Row]) -> bytes:
    lists = [",".join(f"0x{v.encode().hex().upper()}" for v in row.values()) for row in rows]
    head = "INSERT INTO p VALUES"
    return "\n".join(f"{head} ({values});" for values in lists).encode()


def as_updates(rows: list[Row]) -> bytes:
    lists = [", ".join(f"f{n}=N'{v}'" for n, v in enumerate(row.values())) for row in rows]
    head = "UPDATE p SET"
    return "\n".join(f"{head} {pairs} WHERE id=1;\nGO" for pairs in lists).encode()


def as_redis(rows: list[Row]) -> bytes:
    return "\n".join(
        f"HSET person:{n} " + " ".join(f'f{m} "{v}"' for m, v in enumerate(row.values()))
        for n, row in enumerate(rows)
    ).encode()


def as_redis_protocol(rows: list[Row]) -> bytes:
    def bulk(text: str) -> str:
        return f"${len(text.encode())}\r\n{text}\r\n"

    return "".join(
        f"*{len(row) * 2 + 2}\r\n"
        + bulk("HSET")
        + bulk(f"person:{n}")
        + "".join(bulk(f"f{m}") + bulk(v) for m, v in enumerate(row.values()))
        for n, row in enumerate(rows)
    ).encode()


def as_mongo(rows: list[Row]) -> bytes:
    return "\n".join(
        f'{{ "_id" : ObjectId("507f1f77bcf86cd7994390{n:02x}"), '
        + ", ".join(f'"f{m}" : "{v}"' for m, v in enumerate(row.values()))
        + ', "n" : NumberLong(1) }'
        for n, row in enumerate(rows)
    ).encode()


def as_bulk(rows: list[Row]) -> bytes:
    """Pairs of lines, an order and a document."""
    return b"".join(
        b'{"index":{"_index":"people","_id":"%d"}}\n' % n + json.dumps(row).encode() + b"\n"
        for n, row in enumerate(rows)
    )


def as_events(rows: list[Row]) -> bytes:
    return b"".join(b"event: row\ndata: " + as_json([row]) + b"\n\n" for row in rows)


def as_graphql(rows: list[Row]) -> bytes:
    edges = [{"cursor": f"c{n}", "node": {"person": row}} for n, row in enumerate(rows)]
    return json.dumps({"data": {"people": {"edges": edges}}}).encode()


def as_doubled_quotes(rows: list[Row]) -> bytes:
    lines = [";".join(f'"{v}; ""等"""' for v in row.values()) for row in rows]
    plain = [";".join(f'"{value}"' for value in row.values()) for row in rows]
    return "\r\n".join([*lines[:1], *plain]).encode("gbk")


def as_two_files(rows: list[Row]) -> bytes:
    """Columns split over two files that share a key, the second in another order."""
    keys = list(rows[0])
    half = len(keys) // 2
    first = [{"no": f"K{n:04}", **{k: row[k] for k in keys[:half]}} for n, row in enumerate(rows)]
    second = [{"no": f"K{n:04}", **{k: row[k] for k in keys[half:]}} for n, row in enumerate(rows)]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", as_csv(first))
        archive.writestr("b.csv", as_csv(second[::-1]))
    return out.getvalue()


def as_two_tables(rows: list[Row]) -> bytes:
    """The same two halves as objects of one document."""
    keys = list(rows[0])
    half = len(keys) // 2
    first = [{"no": f"K{n:04}", **{k: row[k] for k in keys[:half]}} for n, row in enumerate(rows)]
    second = [{"no": f"K{n:04}", **{k: row[k] for k in keys[half:]}} for n, row in enumerate(rows)]
    return json.dumps({"base": first, "more": second[::-1]}).encode()


def as_titled_sheet(rows: list[Row]) -> bytes:
    """A title, a date, a header, rows with numbers, a total, a footer."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([["困难群众花名册", "", "", "", ""], ["填报单位：民政局", "", "", "", "2026"]])
    writer.writerow(["序号", *rows[0]])
    writer.writerows([n + 1, *row.values()] for n, row in enumerate(rows))
    writer.writerows([["合计", len(rows), "", "", ""], ["制表人：王五", "", "审核：赵六", "", ""]])
    return out.getvalue().encode("gbk")


def as_side_by_side(rows: list[Row]) -> bytes:
    """Two records in one line, as lists are printed to save paper."""
    pairs = [[*a.values(), *b.values()] for a, b in zip(rows[::2], rows[1::2], strict=True)]
    return "\n".join("\t".join(pair) for pair in pairs).encode()


def as_wide_gaps(rows: list[Row]) -> bytes:
    return "\n".join("　".join(row.values()) for row in rows).encode()


def as_wide_columns(rows: list[Row]) -> bytes:
    """Columns counted in the width of the letters, with no blank between full columns."""
    widths = [max(map(_wide, column)) for column in zip(*map(Row.values, rows), strict=True)]
    lines = [
        "".join(v + " " * (w - _wide(v)) for v, w in zip(row.values(), widths, strict=True))
        for row in rows
    ]
    return "\n".join(lines).encode("gbk")


def _wide(text: str) -> int:
    return len(text.encode("gbk"))


def as_rtf(rows: list[Row]) -> bytes:
    """A table of rich text as the usual word processors write it: Unicode and GBK escapes."""

    def escaped(text: str, n: int) -> str:
        if n % 2:
            return "".join(c if c.isascii() else f"\\u{ord(c)}?" for c in text)
        return "".join(chr(b) if b < 0x80 else f"\\'{b:02x}" for b in text.encode("gbk"))

    lines = [
        "\\trowd\\cellx3000\\cellx6000"
        + "".join(
            f"\\pard\\intbl{{\\f1 {escaped(v, n)}}}\\cell" for n, v in enumerate(row.values())
        )
        + "\\row\n"
        for row in rows
    ]
    return (
        "{\\rtf1\\ansi\\ansicpg936\\uc1{\\fonttbl{\\f0 Times;}{\\f1\\fcharset134 SimSun;}}\n"
        "{\\*\\generator x;}{\\info{\\author a}}" + "".join(lines) + "}"
    ).encode()


def as_rtf_prose(rows: list[Row]) -> bytes:
    lines = [
        "".join(c if c.isascii() else f"\\u{(ord(c) ^ 0x8000) - 0x8000} ?" for c in t)
        for t in ("，".join(row.values()) for row in rows)
    ]
    return ("{\\rtf1\\ansi\\uc1 " + "\\par\n".join(lines) + "\\par}").encode()


def as_mhtml(rows: list[Row]) -> bytes:
    """A page saved as one file."""
    page = "<table>" + "".join(
        "<tr>" + "".join(f"<td>{value}</td>" for value in row.values()) + "</tr>" for row in rows
    )
    packed = base64.encodebytes(page.encode()).decode()
    return (
        'MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="b"\r\n\r\n'
        '--b\r\nContent-Type: text/html; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: base64\r\n\r\n{packed}\r\n--b--\r\n"
    ).encode()


def as_inputs(rows: list[Row]) -> bytes:
    """A page whose fields stand in forms."""
    forms = [
        "<form>"
        + "".join(f'<label>{k}</label><input name="f" value="{v}">' for k, v in row.items())
        + "</form>"
        for row in rows
    ]
    return ("<html><body>" + "\n".join(forms) + "</body></html>").encode()


def as_attributed_cells(rows: list[Row]) -> bytes:
    lines = [
        "<tr data-v=1>"
        + "".join(
            f"<td class='x' style='mso-number-format:\"\\@\"'>{v}&nbsp;</td>" for v in row.values()
        )
        for row in rows
    ]
    return (
        '<html xmlns:x="urn:schemas-microsoft-com:office:excel"><table border=1>'
        + "\n".join(lines)
        + "</table></html>"
    ).encode("gbk")


def as_jwt(rows: list[Row]) -> bytes:
    def part(body: bytes) -> str:
        return base64.urlsafe_b64encode(body).decode().rstrip("=")

    head, seal = part(b'{"alg":"HS256"}'), part(bytes(range(200, 232)))
    tokens = [f"{head}.{part(json.dumps(row).encode())}.{seal}" for row in rows]
    return json.dumps({"tokens": tokens}).encode()


def as_utf7(rows: list[Row]) -> bytes:
    return as_csv(rows).decode().encode("utf-7")


def as_diff(rows: list[Row]) -> bytes:
    lines = [f"+{','.join(row.values())}" for row in rows]
    return ("--- a/p.csv\n+++ b/p.csv\n@@ -0,0 +1,9 @@\n" + "\n".join(lines) + "\n").encode()


def as_quoted_reply(rows: list[Row]) -> bytes:
    return "\n".join("> > " + "，".join(row.values()) for row in rows).encode()


def as_hex_dump(rows: list[Row]) -> bytes:
    body = as_csv(rows)
    lines = []
    for at in range(0, len(body), 16):
        part = body[at : at + 16]
        shown = "".join(chr(b) if 32 < b < 127 else "." for b in part)
        lines.append(f"{at:08x}  {part.hex(' '):<47}  |{shown}|")
    return "\n".join(lines).encode()


def as_shell(rows: list[Row]) -> bytes:
    return "\n".join(
        f"curl -X POST https://a.example.com/p -H 'X: 1' -d '{json.dumps(row, ensure_ascii=False)}'"
        for row in rows
    ).encode()


def as_properties(rows: list[Row]) -> bytes:
    r"""Numbered keys, letters as ``\uXXXX``."""
    lines = [
        f"people[{n}].f{m}={value.encode('ascii', 'backslashreplace').decode()}"
        for n, row in enumerate(rows)
        for m, value in enumerate(row.values())
    ]
    return "\n".join(lines).encode()


def as_environment(rows: list[Row]) -> bytes:
    return "\n".join(
        f'P{n}_F{m}="{value}"' for n, row in enumerate(rows) for m, value in enumerate(row.values())
    ).encode()


def as_turtle(rows: list[Row]) -> bytes:
    lines = [
        f'<urn:p:{n}> <urn:f:{m}> "{value}" .'
        for n, row in enumerate(rows)
        for m, value in enumerate(row.values())
    ]
    return "\n".join(lines).encode()


def as_fields_of_lists(rows: list[Row]) -> bytes:
    """Columns one after another, each a block of lines under its name."""
    return "\n\n".join(f"{key}\n" + "\n".join(row[key] for row in rows) for key in rows[0]).encode()


CLERKS: Final[dict[str, Writer]] = {
    name.removeprefix("as_"): writer
    for name, writer in sorted(globals().items())
    if name.startswith("as_") and name not in {"as_csv", "as_json"}
}
