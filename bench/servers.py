# SPDX-License-Identifier: Apache-2.0
"""``Check`` beside an empty grpcio service and the Cerbos server, under the same load generator.

Usage: ``python -m bench.servers [--seconds 2] [--rounds 3] [--quick] [--json FILE]``. Every server
is asked by h2load over TLS with a client certificate, in turn, round by round; the empty service is
also asked without TLS. Ours signs and keeps a durable record of each call, which are counted.
"""

from functools import partial

from bench.arena import WAYS, Arena, Contest, arguments, held, name_of, verify_allowed
from bench.grpc_api import CALL
from bench.peers import cerbos_server, empty
from bench.peers.load import Target

EMPTIES = {"1 process": 1, "2 processes": 2}
EMPTY = {processes: f"empty grpcio service, {text}" for text, processes in EMPTIES.items()}
PLAIN = {processes: f"{text}, no TLS" for processes, text in EMPTY.items()}
UNAUDITED = "Cerbos, no audit"
FILED = "Cerbos, audit to a file"
CHECK = {way: f"govshare, {name_of(*way)}" for way in WAYS}
OURS = CHECK["native", 0]
BEST_EMPTY, BEST_OURS = "best empty grpcio service", "best of govshare"
BESIDE = {
    **dict.fromkeys((*CHECK.values(), BEST_OURS), BEST_EMPTY),
    **{plain: EMPTY[processes] for processes, plain in PLAIN.items()},
    UNAUDITED: BEST_OURS,
    FILED: BEST_OURS,
}


def start(arena: Arena) -> dict[str, Target]:
    """Start every server, and return what is asked of each."""
    ours = {way: arena.sidecar(way[0], workers=way[1]) for way in WAYS}
    like = ours["native", 0]
    data = CALL.SerializeToString()
    target = partial(Target, tls=like.tls)
    found = {}
    for processes, name in EMPTY.items():
        there = arena.empty("grpcio", processes=processes, like=like)
        found[name] = target(**there._asdict(), path=empty.METHOD, data=data, verify=bytes)
        there = arena.empty("grpcio", processes=processes, like=like, plain=True)
        found[PLAIN[processes]] = target(
            **there._asdict(), path=empty.METHOD, data=data, verify=bytes, tls=None
        )
    for name, audit in ((UNAUDITED, False), (FILED, True)):
        if (peer := arena.cerbos(name, audit=audit, like=like)) is not None:
            found[name] = target(
                **peer._asdict(), path=cerbos_server.METHOD, data=cerbos_server.question(),
                verify=cerbos_server.verify_answer,
            )  # fmt: skip
    for way, sidecar in ours.items():
        found[CHECK[way]] = target(
            port=sidecar.port("grpc"), path="/govshare.v1.Enforcement/Check", data=data,
            verify=verify_allowed, tls=sidecar.tls, log=sidecar.deployment.log,
            processes=(sidecar.process,),
        )  # fmt: skip
    return found


def main() -> None:
    """Measure, print and write."""
    chosen = arguments(__doc__)
    contest = Contest(
        start=start,
        beside=BESIDE,
        best={BEST_EMPTY: tuple(EMPTY.values()), BEST_OURS: tuple(CHECK.values())},
        in_flight=(32,) if chosen.quick else (1, 8, 32, 128),
    )
    held("servers", contest, chosen)


if __name__ == "__main__":
    main()
