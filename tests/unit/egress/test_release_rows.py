# SPDX-License-Identifier: Apache-2.0
"""A record has one digest in whatever form it leaves; the desk seals it, or says nothing of it."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from govshare_policy.audit import SaltStore, parse_record
from govshare_policy.egress.batchfile import row_digest
from govshare_policy.egress.leafstore import LeafStore
from govshare_policy.egress.released import release_key, seal
from govshare_policy.gate import Gate, Outcome
from govshare_policy.identity import Evidence
from govshare_policy.policy import Bundle, load_bundle
from govshare_sidecar.desk import Desk
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.release.answer import content_type, release_answer
from govshare_sidecar.release.digests import json_digests, message_digests, record_digests
from govshare_sidecar.routes import Form, Route
from tests.unit.gathered import plain_call
from tests.unit.recording import MemoryLog, proven_county, room
from tests.unit.sidecar.protos import kind, make

ROWS: Final = [{"a": "甲", "n": "9007199254740993"}, {"a": "x<y", "n": "2"}]
DIGESTS: Final = b"".join(row_digest(row) for row in ROWS)

FORMS: Final[dict[Form, tuple[bytes, tuple[str, ...]]]] = {
    Form.JSON: (
        '{"p":{"items":[{"a":"甲","n":9007199254740993,"b":1},{"a":"x<y","n":2}]}}'.encode(),
        ("p", "items"),
    ),
    Form.NDJSON: ('{"a":"甲","n":9007199254740993}\n{"n":2,"a":"x<y","b":""}'.encode(), ()),
    Form.CSV: ('b,a,n\n1,"甲",9007199254740993\n2,x<y,2\n'.encode(), ()),
    Form.XML: (
        '<p><r n="9007199254740993"><a>甲</a><b/></r><r><n>2</n><a>x&lt;y</a></r></p>'.encode(),
        ("p", "r"),
    ),
    Form.PROTOBUF: (
        make(
            "Page", items=[{"a": "甲", "n": 9007199254740993, "b": "1"}, {"a": "x<y", "n": 2}]
        ).SerializeToString(),
        ("items",),
    ),
}


def route(form: Form, records: tuple[str, ...]) -> Route:
    return Route(
        method="GET",
        path="/",
        segments=(),
        resource="R08",
        channel="api",
        fields=(),
        fields_parameter="",
        parameters=(),
        records=records,
        form=form,
        message=kind("Page"),
    )


@pytest.mark.parametrize("form", FORMS)
def test_the_same_records_have_the_same_digests_in_every_form(form: Form) -> None:
    body, records = FORMS[form]
    released = release_answer(
        body,
        ("a", "n"),
        route=route(form, records),
        announced=content_type(form),
        content_encoding="",
        most=1 << 20,
    )

    assert released.records == DIGESTS
    assert len(released.records) // 32 == released.rows


def test_a_single_record_and_none_have_digests_too() -> None:
    assert json_digests(b'{"a":"x"}', ()) == row_digest({"a": "x"})
    assert json_digests(b"[]", ()) == b""
    assert message_digests(make("Page", total=9).SerializeToString(), kind("Page"), ("one",)) == b""
    one = make("Page", one={"a": "x"}).SerializeToString()
    assert message_digests(one, kind("Page"), ("one",)) == row_digest({"a": "x"})
    assert record_digests(b"<r><a>x</a></r>", route(Form.XML, ("r",))) == row_digest({"a": "x"})


@pytest.mark.parametrize("field", ["inner", "list", "inners"])
def test_what_is_nested_in_a_message_counts_whole(field: str) -> None:
    values: dict[str, Any] = {"inner": {"text": "1"}, "list": ["1"], "inners": [{"text": "1"}]}
    others: dict[str, Any] = {"inner": {"text": "2"}, "list": ["2"], "inners": [{"text": "2"}]}
    digests = {
        message_digests(make("Record", **fields).SerializeToString(), kind("Record"), ())
        for fields in (values, others, values | {field: others[field]})
    }

    assert len(digests) == 3


def test_what_is_nested_in_xml_counts_whole() -> None:
    digests = {
        record_digests(body.encode(), route(Form.XML, ("r",)))
        for body in ("<r><a>1<b>2</b></a></r>", "<r><a>12</a></r>", "<r><a>1</a><a>2</a></r>")
    }

    assert len(digests) == 3


@pytest.fixture(scope="module")
def hubei(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle("hubei", proven_county(tmp_path_factory.mktemp("county")))


def concluded(
    bundle: Bundle, directory: Path, records: bytes, *, erased: bool = False
) -> tuple[dict[str, Any], bytes, bytes]:
    """Return the outcome record, its key and the leaves kept, of a release of *records*."""
    log = MemoryLog()
    with SaltStore(directory / "salts.sqlite") as salts:
        gate: Gate = replace(room(bundle).gate, log=log, salts=salts)
        leaves = LeafStore(directory / "releases.sqlite")
        answer = gate.answer(plain_call(), Evidence())
        key = release_key(salts, answer.record_id)
        if erased:
            salts.erase([answer.record_id], by="because")

        async def conclude() -> None:
            desk = Desk(gate, Metrics(), on_failure=lambda: None, leaves=leaves)
            await desk.conclude(answer, Outcome(status="released", records=records))

        asyncio.run(conclude())
        return parse_record(log.records[-1]), key, leaves.leaves(answer.record_id)


def test_several_records_are_sealed_and_their_leaves_kept(hubei: Bundle, tmp_path: Path) -> None:
    record, key, kept = concluded(hubei, tmp_path, DIGESTS)

    sealed = seal(key, DIGESTS)
    assert (record["release"]["root"], record["release"]["records"]) == (sealed.root.hex(), 2)
    assert kept == sealed.leaves
    assert key.hex() not in str(record)


def test_of_one_record_the_root_is_enough(hubei: Bundle, tmp_path: Path) -> None:
    record, key, kept = concluded(hubei, tmp_path, DIGESTS[:32])

    assert record["release"]["root"] == seal(key, DIGESTS[:32]).root.hex()
    assert kept == b""


@pytest.mark.parametrize("records", [DIGESTS, b""], ids=["erased", "nothing left"])
def test_without_a_salt_or_a_record_there_is_no_root(
    hubei: Bundle, tmp_path: Path, records: bytes
) -> None:
    record, _, kept = concluded(hubei, tmp_path, records, erased=True)

    assert (record["phase"], kept) == ("outcome", b"")
    assert "release" not in record
