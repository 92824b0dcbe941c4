# SPDX-License-Identifier: Apache-2.0
"""Starting, failing, reloading, draining and starting again."""

import asyncio
import resource
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from govshare_policy.audit import FilePin
from govshare_policy.errors import ConfigError
from govshare_sidecar.config import load_config
from govshare_sidecar.server import Sidecar
from tests.e2e.department import Department
from tests.e2e.deployment import Deployment, Running, await_
from tests.e2e.pki import NOW, Authority
from tests.e2e.test_grpc import request

pytestmark = pytest.mark.usefixtures("api")


def fill_disk(running: Running) -> None:
    """Let the process write to no file any more, as a full disk would."""
    _, hard = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (1, hard))


def health(running: Running) -> int:
    with running.channel("SYS-HCB-PRH") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        status: int = stub.Check(health_pb2.HealthCheckRequest(), timeout=60).status
        return status


def test_a_log_that_cannot_be_written_refuses_every_call_until_a_restart(
    deployment: Deployment, api: Department
) -> None:
    with deployment.start() as running:
        assert running.request("/marriages/ID1").status == 200
        api.asked.clear()
        fill_disk(running)
        for _ in range(2):
            refused = running.request("/marriages/ID1", headers={"Accept-Language": "en"})
            assert refused.status == refused.document["status"] == 503
            assert refused.document["title"].startswith("the call could not be recorded")
            with pytest.raises(grpc.RpcError) as caught:
                running.check(request())
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert api.asked == []
        assert running.monitor("/healthz").status == 503
        assert health(running) == health_pb2.HealthCheckResponse.NOT_SERVING
        assert running.metric("govshare_serving") == 0
        assert running.stop() == 0
    said = [m for m in running.messages if m["level"] == "critical"]
    assert len(said) == 1, "it says so once"

    with deployment.start() as again:
        assert again.request("/marriages/ID1").status == 200
    assert deployment.verify().size == len(deployment.records())


def test_a_denial_that_cannot_be_recorded_is_not_given_either(deployment: Deployment) -> None:
    with deployment.start() as running:
        fill_disk(running)
        assert running.request("/marriages/ID1", client="SYS-CAB-AID").status == 503


def test_a_release_that_cannot_be_recorded_does_not_happen(
    deployment: Deployment, api: Department
) -> None:
    with deployment.start() as running, ThreadPoolExecutor(1) as pool, api.holding():
        asked = pool.submit(running.request, "/marriages/ID1")
        await_(lambda: len(api.asked) == 1)
        fill_disk(running)
    response = asked.result()
    assert response.status == 503
    assert "示例甲".encode() not in response.body
    assert deployment.decisions()[-1]["effect"] == "allow"
    assert deployment.outcomes() == []


def test_a_restart_continues_the_same_log(deployment: Deployment) -> None:
    sizes = []
    for _ in range(3):
        with deployment.start() as running:
            assert running.request("/marriages/ID1").status == 200
            assert running.stop() == 0
        sizes.append(deployment.verify().size)

    assert sizes == [3, 5, 7]


def test_a_killed_process_loses_no_answered_call(deployment: Deployment) -> None:
    with deployment.start() as running:
        record = running.request("/marriages/ID1").headers["Govshare-Record"]
        running.stop(signal.SIGKILL)
    with deployment.start():
        pass

    deployment.verify()
    assert record in [decision["id"] for decision in deployment.decisions()]


def test_what_a_grant_has_used_today_survives_a_restart(deployment: Deployment) -> None:
    grants = deployment.directory / "data" / "grants.tsv"
    header, *rows = grants.read_text(encoding="utf-8").splitlines()
    quota = [row + ("\t2" if row.startswith("G01\t") else "\t") for row in rows]
    grants.write_text("\n".join([f"{header}\tdaily_quota", *quota]) + "\n", encoding="utf-8")

    with deployment.start() as running:
        assert running.request("/marriages/ID1").status == 200
    with deployment.start() as running:
        assert running.request("/marriages/ID1").status == 200
        spent = running.request("/marriages/ID1")

    assert spent.document["reasons"][0]["code"] == "quota_spent"


def test_sigterm_finishes_what_is_under_way_and_exits_0(
    deployment: Deployment, api: Department
) -> None:
    with deployment.start() as running, ThreadPoolExecutor(1) as pool, api.holding() as let:
        answer = pool.submit(running.request, "/marriages/ID1")
        await_(lambda: len(api.asked) == 1)
        running.process.send_signal(signal.SIGTERM)
        await_(lambda: running.monitor("/healthz").status == 503)
        with pytest.raises(ConnectionError):
            running.request("/marriages/ID1")
        let.set()
        assert answer.result().status == 200
        assert running.stop() == 0

    assert deployment.outcomes()[-1]["status"] == "released"
    deployment.verify()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_that_keep_coming_do_not_break_the_end_off(
    deployment: Deployment, workers: int, number: signal.Signals
) -> None:
    if workers:
        deployment.configure('profile = "hubei"', f'workers = {workers}\nprofile = "hubei"')
    with deployment.start() as running:
        running.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 60
        while running.process.poll() is None and time.monotonic() < deadline:
            running.process.send_signal(number)
            time.sleep(0.0005)
        assert running.stop() == 0


def test_watchers_of_the_health_service_hear_of_the_drain_first(deployment: Deployment) -> None:
    with deployment.start() as running, running.channel("SYS-HCB-PRH") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        watched = stub.Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
        running.process.send_signal(signal.SIGTERM)
        assert next(watched).status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_sigint_drains_too(deployment: Deployment) -> None:
    with deployment.start() as running:
        assert running.stop(signal.SIGINT) == 0


def test_sighup_puts_new_registers_in_force_for_the_next_call(deployment: Deployment) -> None:
    done = 'govshare_reloads_total{result="done"}'
    with deployment.start() as running:
        assert running.request("/marriages/ID1").status == 200
        deployment.register(revoked="SYS-HCB-PRH")
        running.process.send_signal(signal.SIGHUP)
        await_(lambda: running.metric(done) == 1)

        response = running.request("/marriages/ID1")
    assert response.document["reasons"][0]["code"] == "certificate_revoked"
    assert any("is in force" in message["message"] for message in running.messages)


def test_a_wrong_file_leaves_the_old_registers_in_force(deployment: Deployment) -> None:
    refused = 'govshare_reloads_total{result="refused"}'
    with deployment.start() as running:
        (deployment.directory / "data" / "grants.tsv").write_text("grant_id\nG01\n")
        running.process.send_signal(signal.SIGHUP)
        await_(lambda: running.metric(refused) == 1)

        assert running.request("/marriages/ID1").status == 200
    [said] = [m["message"] for m in running.messages if m["level"] == "error"]
    assert "grants.tsv" in said
    assert "\n" not in said


def test_an_expired_authority_lets_nobody_in(deployment: Deployment) -> None:
    Authority(deployment.directory / "tls", end=NOW)
    with pytest.raises(AssertionError, match=r"no certificate in `tls.client_ca` is valid now"):
        deployment.start().__enter__()
    assert not deployment.log.exists(), "nothing is half done"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('profile = "hubei"', 'profile = "atlantis"', "unknown profile"),
        ('data = "data"', 'data = "nowhere"', "data directory `nowhere` does not exist"),
        ('"tls/sidecar.key"', '"tls/SYS-HCB-PRH.key"', "cannot be loaded as a pair"),
        ('client_ca = "tls/ca.pem"', 'client_ca = "govshare.toml"', "does not hold certificates"),
        ('client_ca = "tls/ca.pem"', 'client_ca = "tls/sidecar.pem"', "that is no authority"),
        ("[http]", '[http]\nupstream_ca = "data/grants.tsv"', "`http.upstream_ca` cannot be"),
        ("reflection", "reflexion", "`grpc.reflexion` is not a setting"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_exit_code_2(
    deployment: Deployment, old: str, new: str, sentence: str
) -> None:
    deployment.configure(old, new)
    starting = deployment.start()
    with pytest.raises(AssertionError, match=sentence) as caught:
        starting.__enter__()

    assert str(caught.value).count("\n") == 1
    assert not deployment.log.exists(), "nothing is half done"


def test_a_wrong_passphrase_is_told_without_the_passphrase(deployment: Deployment) -> None:
    path = deployment.directory / "keys" / "audit.passphrase"
    path.write_bytes(b"hunter2")
    with pytest.raises(AssertionError, match="cannot use the key file") as caught:
        deployment.start().__enter__()
    assert "hunter2" not in str(caught.value)


def test_a_log_that_is_shorter_than_its_pin_is_not_continued(deployment: Deployment) -> None:
    with deployment.start() as running:
        running.request("/marriages/ID1")
    pin = deployment.directory / "audit" / "pin"
    mark = FilePin(path=pin).load()
    assert mark is not None
    pin.write_bytes(replace(mark, size=99).to_bytes())

    with pytest.raises(AssertionError, match="its pin is at 99"):
        deployment.start().__enter__()


def test_a_log_of_another_name_is_not_continued(deployment: Deployment) -> None:
    with deployment.start():
        pass
    deployment.configure('origin = "govshare/test"', 'origin = "govshare/other"')
    with pytest.raises(AssertionError, match="which is `govshare/test`"):
        deployment.start().__enter__()


def test_a_second_process_does_not_write_to_the_log_of_the_first(deployment: Deployment) -> None:
    with (
        deployment.start(),
        pytest.raises(AssertionError, match="is open in another process"),
    ):
        deployment.start().__enter__()


@pytest.mark.parametrize("table", ["grpc", "http", "metrics"])
def test_a_port_that_is_taken_is_told(deployment: Deployment, table: str) -> None:
    async def start() -> None:
        async with Sidecar.running(load_config(deployment.config), now=lambda: NOW):
            pass

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        old = f'[{table}]\nlisten = "127.0.0.1:0"'
        deployment.configure(old, old.replace(":0", f":{port}"))
        with pytest.raises(ConfigError, match=f"`{table}.listen` cannot be listened on"):
            asyncio.run(start())


def test_either_entrance_works_without_the_other(deployment: Deployment) -> None:
    whole = deployment.config.read_text()
    start, end = whole.index("[http]"), whole.index("[metrics]")
    deployment.config.write_text(whole[:start] + whole[end:])
    with deployment.start() as running:
        assert running.check(request()).answer.effect == "allow"
        assert running.addresses.keys() == {"grpc", "metrics"}

    start = whole.index("[grpc]")
    deployment.config.write_text(whole[:start] + whole[whole.index("[http]") : end])
    with deployment.start() as running:
        assert running.request("/marriages/ID1").status == 200
        assert running.addresses.keys() == {"http"}

    deployment.config.write_text(whole[:start])
    with pytest.raises(ConfigError, match="neither"):
        load_config(deployment.config)
