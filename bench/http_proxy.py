# SPDX-License-Identifier: Apache-2.0
"""The HTTP proxy beside a plain one on aiohttp, under the same load generator.

Usage: ``python -m bench.http_proxy [--seconds 2] [--rounds 3] [--quick] [--json FILE]``. Both stand
before the same department, on uvloop, over TLS with a client certificate. The plain one copies;
ours decides, filters the answer, and keeps two signed, durable records of each call.
"""

from bench.arena import Arena, Contest, arguments, free_ports, held, name_of, program
from bench.peers import plain_http
from bench.peers.load import Kind, Target

PLAIN = {processes: f"plain aiohttp proxy, {name_of('uvloop', processes)}" for processes in (0, 2)}
OURS = {workers: f"HTTP proxy, {name_of('govshare', workers)}" for workers in PLAIN}
PATH = "/marriages/ID1"
PURPOSE = ("Govshare-Purpose: data_verification",)
RECORDS = 2


def verify_filtered(data: bytes) -> None:
    """Return only if *data* has what was granted, and not the note.

    Raises:
        RuntimeError: If not.
    """
    if b"marital_status" not in data or b"note" in data:
        raise RuntimeError("the answer is not filtered")


def verify_copied(data: bytes) -> None:
    """Return only if *data* is the whole answer.

    Raises:
        RuntimeError: If not.
    """
    if data != plain_http.BODY:
        raise RuntimeError("the answer is not that of the department")


def start(arena: Arena) -> dict[str, Target]:
    """Start the department and every proxy, and return what is asked of each."""
    department, *ports = free_ports(1 + len(PLAIN))
    arena.stack.enter_context(program(plain_http.__name__, department))
    upstream = f"http://127.0.0.1:{department}"
    ours = {
        workers: arena.sidecar("native", workers=workers, upstream=upstream) for workers in OURS
    }
    like = ours[0]

    found = {}
    for (processes, name), port in zip(PLAIN.items(), ports, strict=True):
        copiers = (
            program(plain_http.__name__, port, upstream, like.deployment.config)
            for _ in range(processes or 1)
        )
        found[name] = Target(
            port=port, path=PATH, data=b"", tls=like.tls, verify=verify_copied, kind=Kind.HTTP,
            headers=PURPOSE, processes=tuple(arena.stack.enter_context(one) for one in copiers),
        )  # fmt: skip
    for workers, sidecar in ours.items():
        found[OURS[workers]] = Target(
            port=sidecar.port("http"), path=PATH, data=b"", tls=sidecar.tls,
            verify=verify_filtered, kind=Kind.HTTP, headers=PURPOSE, records=RECORDS,
            log=sidecar.deployment.log, processes=(sidecar.process,),
        )  # fmt: skip
    return found


def main() -> None:
    """Measure, print and write."""
    chosen = arguments(__doc__)
    contest = Contest(
        start=start,
        beside={OURS[workers]: PLAIN[workers] for workers in OURS},
        best={},
        in_flight=(32,) if chosen.quick else (1, 8, 32),
    )
    held("http_proxy", contest, chosen)


if __name__ == "__main__":
    main()
