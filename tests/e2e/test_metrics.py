# SPDX-License-Identifier: Apache-2.0
"""What a monitor sees: every metric that the reference lists, and no other."""

import re
import time
from pathlib import Path

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from govshare_policy.legal import Outcome
from tests.e2e.callers import Callers
from tests.e2e.department import Department
from tests.e2e.deployment import Deployment, Running
from tests.e2e.test_grpc import request

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
ROW = re.compile(r"\| `(govshare_\w+)` \| (\w+) \| ([^|]*) \|")
CLAUSE = re.compile(r"[A-Z]{2}-[a-z0-9-]+")
NOWHERE = "http://127.0.0.1:1"


def families(callers: Callers) -> dict[str, tuple[str, list[tuple[dict[str, str], float]]]]:
    """Return every metric by its name, with its type, labels and values."""
    page = callers.monitor("/metrics").body.decode()
    return {
        family.name: (family.type, [(one.labels, one.value) for one in family.samples])
        for family in text_string_to_metric_families(page)
        if not family.name.endswith("_created")  # when a counter began
    }


def first_values(callers: Callers) -> dict[str, float]:
    return {name: samples[0][1] for name, (_, samples) in families(callers).items() if samples}


def test_the_reference_lists_every_metric_with_its_type_and_labels(
    deployment: Deployment, api: Department
) -> None:
    with deployment.start() as running:
        running.request("/marriages/ID1")
        running.request("/nowhere")
        api.says(b"", status=500)
        running.request("/marriages/ID1")
        shown = families(running)
    listed = {name: (kind, labels) for name, kind, labels in ROW.findall(REFERENCE.read_text())}

    for name, (kind, samples) in shown.items():
        assert name in listed, name
        assert listed[name][0] == kind, name
        labels = {label for said, _ in samples for label in said} - {"le"}
        assert labels <= set(re.findall(r"`(\w+)`", listed[name][1])), name
    elsewhere = {
        name for name in listed if re.search("witness|shadow|tls_crl|worker|heartbeat", name)
    }
    reloads = {"govshare_reloads", "govshare_tls_reloads", "govshare_tls_authorities_without_crl"}
    assert set(listed) - set(shown) <= elsewhere | reloads


def test_answers_are_counted_by_what_decided(sidecar: Running) -> None:
    denied = sidecar.request("/marriages/ID1", client="SYS-CAB-AID").document
    _, samples = families(sidecar)["govshare_decisions"]

    said = {"entrance": "http_proxy", "outcome": denied["outcome"], "clause": denied["clauses"][0]}
    assert said in [labels for labels, value in samples if value >= 1]
    for labels, _ in samples:
        assert CLAUSE.fullmatch(labels["clause"])
        assert labels["outcome"] in set(Outcome)


def test_no_label_holds_what_a_caller_sent(sidecar: Running) -> None:
    marked = "MARK4711"
    headers = {"Govshare-Operator": marked, "Govshare-Purpose": marked, "Govshare-Grant": marked}
    sidecar.request(f"/marriages/{marked}?a={marked}", headers=headers)
    sidecar.request(f"/{marked}", method="PUT")
    with pytest.raises(grpc.RpcError):
        sidecar.send(marked.encode())

    assert marked not in sidecar.monitor("/metrics").body.decode()


def test_how_things_stand_is_read_when_asked_for(tmp_path: Path) -> None:
    with Deployment(directory=tmp_path, upstream=NOWHERE).start() as running:
        before = first_values(running)
        for _ in range(3):
            running.check(request())
        after = first_values(running)
        _, [(policy, _)] = families(running)["govshare_policy_info"]
        revision = running.check(request()).answer.policy.revision

    assert after["govshare_log_records"] == before["govshare_log_records"] + 3
    assert after["govshare_log_bytes"] >= sum(
        path.stat().st_size for path in running.deployment.log.glob("*.seg*")
    )
    assert 0 <= after["govshare_checkpoint_age_seconds"] < 60
    assert after["govshare_serving"] == 1
    assert after["govshare_in_flight"] == after["govshare_log_queue"] == 0
    assert abs(after["govshare_policy_loaded_timestamp_seconds"] - time.time()) < 120
    assert 0 < after["govshare_policy_load_seconds"] < 60
    assert policy["revision"] == revision
    days = (after["govshare_tls_client_ca_ends_timestamp_seconds"] - time.time()) / 86400
    assert 29 < days < 31


@pytest.mark.usefixtures("api")
def test_every_stage_of_a_call_is_timed(deployment: Deployment) -> None:
    with deployment.start() as running:
        running.request("/marriages/ID1")
        running.request("/marriages/ID1", client="SYS-CAB-AID")
        counted = {
            name: running.metric(f"govshare_{name}_seconds_count")
            for name in ("decision", "commit", "upstream", "release", "outcome")
        }
        calls = running.metric('govshare_call_seconds_count{entrance="http_proxy"}')

    assert counted == {"decision": 2, "commit": 2, "upstream": 1, "release": 1, "outcome": 1}
    assert calls == 2
