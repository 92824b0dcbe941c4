# SPDX-License-Identifier: Apache-2.0
"""A Cerbos server with the policies of forty resources, and the question that it is asked."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers.asking import PURPOSE
from bench.peers.install import place_of

METHOD = "/cerbos.svc.v1.CerbosService/CheckResources"
RESOURCES = 40
CONFIG = """
server:
  httpListenAddr: "127.0.0.1:{http}"
  grpcListenAddr: "127.0.0.1:{grpc}"
  tls: {{cert: "{certificate}", key: "{key}"}}
telemetry: {{disabled: true}}
storage:
  driver: disk
  disk: {{directory: "{policies}", watchForChanges: false}}
audit:
  enabled: {audit}
  backend: file
  accessLogsEnabled: false
  decisionLogsEnabled: true
  file: {{path: "{log}"}}
"""
POLICY = """
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  resource: "{resource}"
  version: default
  rules:
    - actions: [read]
      effect: EFFECT_ALLOW
      roles: [D-HCB]
      condition: {{match: {{expr: 'request.principal.attr.purpose == "{purpose}"'}}}}
"""
END_S = 20.0
ALLOWED = b"\x0a\x04read\x10\x01"


def _field(number: int, value: bytes | str) -> bytes:
    """Return one field of a message; no value here is longer than 127 bytes."""
    data = value.encode() if isinstance(value, str) else value
    return bytes((number << 3 | 2, len(data))) + data


def question(count: int = 1) -> bytes:
    """Return a ``CheckResourcesRequest``: may this department read *count* for this purpose."""
    purpose = _field(1, "purpose") + _field(2, _field(3, PURPOSE))
    principal = _field(1, "SYS-HCB-PRH") + _field(3, "D-HCB") + _field(4, purpose)
    of = (_field(1, "R08") + _field(3, f"ID{number}") for number in range(1, count + 1))
    entries = (_field(4, _field(1, "read") + _field(2, resource)) for resource in of)
    return _field(3, principal) + b"".join(entries)


def verify_answer(data: bytes, count: int = 1) -> None:
    """Return only if *data* allows *count* times.

    Raises:
        RuntimeError: If it does not.
    """
    if data.count(ALLOWED) != count:
        raise RuntimeError("Cerbos does not allow")


@contextmanager
def cerbos(
    directory: Path, *, ports: tuple[int, int], pair: tuple[Path, Path], audit: bool
) -> Iterator[int]:
    """Run a Cerbos on *ports*, HTTP and gRPC, with its files in *directory*; give its process."""
    policies = directory / "policies"
    policies.mkdir(parents=True)
    for number in range(RESOURCES):
        text = POLICY.format(resource=f"R{number:02}", purpose=PURPOSE)
        (policies / f"r{number}.yaml").write_text(text, encoding="utf-8")
    config = CONFIG.format(
        http=ports[0], grpc=ports[1], certificate=pair[0], key=pair[1], policies=policies,
        audit=str(audit).lower(), log=directory / "audit.log",
    )  # fmt: skip
    (directory / "cerbos.yaml").write_text(config, encoding="utf-8")
    package = place_of("cerbos") / "node_modules" / "@cerbos" / "cerbos-linux-x64"
    command = [str(package / "cerbos-linux-x64"), "server", "--log-level=error"]
    with (directory / "stderr").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--config={directory / 'cerbos.yaml'}"], stdout=log, stderr=log
        )
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(timeout=END_S)
