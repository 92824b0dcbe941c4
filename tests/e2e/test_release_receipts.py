# SPDX-License-Identifier: Apache-2.0
"""Every release has a root in the log, and what left can be proved and traced by its commands."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.audit import SaltStore, format_trust
from govshare_policy.cli.__main__ import main
from govshare_policy.egress.batchfile import row_digest
from govshare_policy.egress.leafstore import LeafStore
from govshare_policy.egress.released import leaf_of, release_key, seal
from tests.e2e.department import Department
from tests.e2e.deployment import Deployment, Running
from tests.e2e.grpc_calls import release
from tests.e2e.test_grpc_release import allowed, asked, refusal

ITEMS = [
    {"id_no": "ID1", "name": "甲", "marital_status": "已婚", "note": "内部"},
    {"id_no": "ID2", "name": "乙", "marital_status": "未婚", "note": "内部"},
    {"id_no": "ID3", "name": "丙", "marital_status": "离异", "note": "内部"},
]


def last_release(deployment: Deployment) -> dict[str, Any]:
    return deployment.outcomes()[-1]


def leaves_of(deployment: Deployment, decision: str, *rows: dict[str, str]) -> list[bytes]:
    with SaltStore(deployment.log.with_name("salts.sqlite"), read_only=True) as salts:
        key = release_key(salts, decision)
    return [leaf_of(key, row_digest(row)) for row in rows]


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = main([str(one) for one in arguments])
    out = capsys.readouterr()
    return code, out.out + out.err


@pytest.mark.usefixtures("api")
def test_a_single_record_over_http_has_its_root_in_the_outcome(sidecar: Running) -> None:
    response = sidecar.request("/marriages/ID1")

    outcome = last_release(sidecar.deployment)
    said = outcome["release"]
    row = {name: str(value) for name, value in json.loads(response.body).items()}
    [leaf] = leaves_of(sidecar.deployment, outcome["decision"], row)
    with SaltStore(sidecar.deployment.log.with_name("salts.sqlite"), read_only=True) as salts:
        sealed = seal(release_key(salts, outcome["decision"]), row_digest(row))
    assert sealed.leaves == leaf
    assert said["root"] == sealed.root.hex()
    assert (said["records"], said["resource"], said["department"]) == (1, "R08", "D-HCB")
    assert said["purpose"]
    assert said["grants"] == ["G01"]
    assert said["duties"]
    assert set(row) == set(said["fields"]) & set(row)


def test_the_leaves_of_several_records_over_grpc_are_kept(sidecar: Running) -> None:
    ident = allowed(sidecar)
    released = release(sidecar, asked(ident, body=json.dumps(ITEMS).encode(), records=""))

    rows = json.loads(released.body)
    with LeafStore(sidecar.deployment.log.with_name("releases.sqlite"), read_only=True) as store:
        kept = store.leaves(ident)
    assert kept == b"".join(leaves_of(sidecar.deployment, ident, *rows))
    assert last_release(sidecar.deployment)["release"]["records"] == len(ITEMS)


def test_a_call_that_released_nothing_has_no_root(sidecar: Running, api: Department) -> None:
    api.says({"no": "such"}, status=404)
    sidecar.request("/marriages/ID1")

    assert "release" not in last_release(sidecar.deployment)


@pytest.mark.usefixtures("api")
def test_one_record_is_proved_and_traced_until_its_salt_is_erased(
    deployment: Deployment,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with deployment.start() as running:
        ident = allowed(running)
        released = release(running, asked(ident, body=json.dumps(ITEMS).encode(), records=""))
        running.request("/marriages/ID1")
    rows = json.loads(released.body)
    trust, salts = tmp_path / "trust.toml", deployment.log.with_name("salts.sqlite")
    trust.write_text(format_trust(deployment.trust))
    row, proof = tmp_path / "row.json", tmp_path / "row.proof"
    row.write_text(json.dumps(rows[1:2]))
    asked_for = ("--decision", ident, "--salts", salts)

    prove = ("egress", "prove", deployment.log, "--row", row, *asked_for, "--trust", trust)
    assert call(capsys, *prove, "--out", proof) == (0, "")
    code, text = call(capsys, "egress", "verify", proof, "--trust", trust, "--output", "json")
    assert (code, json.loads(text)["decision"]) == (0, ident)
    assert rows[0]["id_no"] not in proof.read_text()

    leaked = tmp_path / "leaked.csv"
    names = list(rows[0])
    cells = [",".join(one[name] for name in names) for one in rows[:2]]
    leaked.write_text("\n".join([",".join(["who", *names[1:]]), *cells, ""]))
    trace = ("egress", "trace", leaked, deployment.log, "--salts", salts, "--output", "json")
    code, text = call(capsys, *trace, "--renamed", f"who={names[0]}")
    best = json.loads(text)["fits"][0]
    assert (code, best["decision"], best["counts"]["leaves"]) == (0, ident, 2)
    assert not [cell for one in rows for cell in one.values() if cell in text]

    code, text = call(capsys, "egress", "prov", deployment.log, "--decision", ident, "--form", "n")
    assert (code, "wasGeneratedBy(govshare:release-" in text) == (0, True)

    with SaltStore(salts) as store:
        store.erase([ident], by="record-1")
    code, text = call(capsys, *prove)
    assert (code, "erased by record `record-1`" in text) == (1, True)


def test_a_batch_is_planted_marked_and_known_again_by_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys, batch = tmp_path / "egress.key", tmp_path / "batch.csv"
    consents, register = tmp_path / "consents.tsv", tmp_path / "canaries.jsonl"
    batch.write_text("id_no,name\n" + "".join(f"{n:010},n{n}\n" for n in range(100)))
    consents.write_text(
        "resource\tprovider\tagreed_by\tvalid_from\tvalid_to\nR08\tD-CAB\twang\t2020-01-01\t2099-01-01\n"
    )
    given = ("--decision", "dec-1", "--keys", keys)
    planted, sent = tmp_path / "planted.csv", tmp_path / "sent.csv"
    canary = ("egress", "canary", batch, *given, "--consents", consents, "--register", register)

    assert call(capsys, "egress", "key", keys)[0] == 0
    assert call(capsys, *canary, "--resource", "R09", "--out", planted)[0] == 2
    assert not planted.exists()
    assert call(capsys, *canary, "--resource", "R08", "--out", planted)[0] == 0
    assert call(capsys, *canary, "--resource", "R08", "--out", planted)[0] == 2
    mark = ("egress", "watermark", planted, *given, "--by", "id_no")
    assert call(capsys, *mark)[0] == 1
    assert call(capsys, *mark, "--out", sent)[0] == 0
    code, text = call(capsys, "egress", "watermark", sent, *given, "--by", "id_no")
    found = json.loads(text)
    assert (code, found["rows"], found["concordant"]) == (0, 120, 1.0)
    assert register.stat().st_mode & 0o777 == 0o600


def test_a_store_of_leaves_that_cannot_be_written_stops_the_release(
    deployment: Deployment,
) -> None:
    with deployment.start() as running:
        ident = allowed(running)
        store = deployment.log.with_name("releases.sqlite")
        os.truncate(store, 0)
        store.write_bytes(b"no database" * 100)
        body = json.dumps(ITEMS).encode()
        assert refusal(running, asked(ident, body=body, records="")) == "AUDIT_UNAVAILABLE"
    assert deployment.outcomes() == []
