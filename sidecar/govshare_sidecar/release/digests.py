# SPDX-License-Identifier: Apache-2.0
"""The digests of the records of a release, each spelt as its receipt needs it.

What is read here was written by the release just before, strictly; it is the document that leaves.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from govshare_policy.egress.batchfile import cell_text, loads, row_digest
from govshare_sidecar.routes import Form, Route


def record_digests(body: bytes, route: Route) -> bytes:
    """Return the digest of each record in *body*, which leaves by *route*; 32 bytes each."""
    match route.form:
        case Form.JSON:
            return json_digests(body, route.records)
        case Form.NDJSON:
            lines = body.decode("utf-8", "surrogatepass").removesuffix("\n")
            return _joined(_cells(loads(line)) for line in lines.split("\n") if line)
        case Form.CSV:
            names, *rows = csv.reader(io.StringIO(body.decode(), newline=""), strict=True)
            return _joined(dict(zip(names, row, strict=True)) for row in rows)
        case Form.XML:
            return _joined(_elements(body, route.records))
        case Form.PROTOBUF:
            return message_digests(body, route.kind, route.records)


def json_digests(body: bytes, records: Sequence[str]) -> bytes:
    """Return the digest of each record at *records* in the JSON document *body*; 32 bytes each."""
    here = loads(body.decode("utf-8", "surrogatepass"))
    for key in records:
        here = here[key]
    return _joined(_cells(record) for record in (here if isinstance(here, list) else [here]))


def message_digests(body: bytes, kind: Descriptor, records: Sequence[str]) -> bytes:
    """Return the digest of each record at *records* in the message *body*; 32 bytes each."""
    here: Any = message_factory.GetMessageClass(kind).FromString(body)
    for name in records:
        if here.DESCRIPTOR.fields_by_name[name].is_repeated:
            return _joined(_fields(record) for record in getattr(here, name))
        if not here.HasField(name):
            return b""
        here = getattr(here, name)
    return _joined([_fields(here)])


def _joined(rows: Iterable[Mapping[str, str]]) -> bytes:
    return b"".join(row_digest(cells) for cells in rows)


def _cells(record: Mapping[str, object]) -> dict[str, str]:
    return {field: cell_text(value) for field, value in record.items()}


def _elements(body: bytes, records: Sequence[str]) -> Iterable[Mapping[str, str]]:
    # The release wrote it anew, and lets no document type through.
    root = ET.fromstring(body)  # noqa: S314
    below = list(records[1:])
    return (_attributes(one) for one in (root.findall("/".join(below)) if below else [root]))


def _attributes(element: ET.Element) -> Mapping[str, str]:
    found: dict[str, list[str]] = {name: [text] for name, text in element.attrib.items()}
    for child in element:
        inner = "".join(ET.tostring(part, encoding="unicode") for part in child)
        found.setdefault(child.tag, []).append((child.text or "") + inner)
    return {
        name: texts[0] if len(texts) == 1 else json.dumps(texts, ensure_ascii=False)
        for name, texts in found.items()
    }


def _fields(record: Message) -> Mapping[str, str]:
    return {field.name: _field(record, field, value) for field, value in record.ListFields()}


def _field(record: Message, field: FieldDescriptor, value: Any) -> str:  # noqa: ANN401  any scalar
    if field.is_repeated or field.message_type is not None:
        alone = type(record)()
        alone.CopyFrom(record)
        for other, _ in record.ListFields():
            if other.name != field.name:
                alone.ClearField(other.name)
        return alone.SerializeToString(deterministic=True).hex()
    if field.enum_type is not None:
        named = field.enum_type.values_by_number.get(value)
        return named.name if named is not None else str(value)
    return value.hex() if isinstance(value, bytes) else cell_text(value)
