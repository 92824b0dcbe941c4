# SPDX-License-Identifier: Apache-2.0
"""``CheckBatch`` beside Cerbos, and ``CheckStream`` beside an empty echo, under one load generator.

Usage: ``python -m bench.batches [--seconds 2] [--rounds 3] [--quick] [--json FILE]``. A batch is 20
calls in one message, a stream 32 messages written ahead of their answers. Rates are decisions or
messages a second, times those of the whole batch or stream. TLS, client certificate and records are
as in ``bench.servers``.
"""

from functools import partial

from bench.arena import WAYS, Arena, Contest, Sidecar, arguments, held, name_of
from bench.grpc_api import CALL
from bench.peers import cerbos_server, empty
from bench.peers.load import Kind, Target
from govshare_sidecar._pb import enforcement_pb2 as pb

BATCH, STREAM = 20, 32
METHODS = "/govshare.v1.Enforcement"
UNAUDITED, FILED = f"Cerbos, {BATCH} at once, no audit", f"Cerbos, {BATCH} at once, audit to a file"
BATCHES = {way: f"CheckBatch of {BATCH}, {name_of(*way)}" for way in WAYS}
STREAMS = {way: f"CheckStream, {name_of(*way)}" for way in WAYS}
ECHOES = {way: f"empty echo, {name_of(*way)}" for way in WAYS}
BEST = f"best CheckBatch of {BATCH}"
BESIDE = {
    **{STREAMS[way]: ECHOES[way] for way in WAYS},
    UNAUDITED: BEST,
    FILED: BEST,
}


def verify_batch(data: bytes) -> None:
    """Return only if all calls of the batch are allowed.

    Raises:
        RuntimeError: If one is not.
    """
    results = pb.CheckBatchResponse.FromString(data).results
    if len(results) != BATCH or any(one.response.answer.effect != "allow" for one in results):
        raise RuntimeError("a call of a batch is not allowed")


def verify_streamed(data: bytes) -> None:
    """Return only if an answer of a stream allows.

    Raises:
        RuntimeError: If it does not.
    """
    if pb.CheckStreamResponse.FromString(data).result.response.answer.effect != "allow":
        raise RuntimeError("a call of a stream is not allowed")


def asked_of(sidecar: Sidecar, way: tuple[str, int]) -> dict[str, Target]:
    """Return what is asked of one of ours."""
    target = partial(
        Target, port=sidecar.port("grpc"), tls=sidecar.tls, log=sidecar.deployment.log,
        processes=(sidecar.process,),
    )  # fmt: skip
    return {
        BATCHES[way]: target(
            path=f"{METHODS}/CheckBatch", calls=BATCH, verify=verify_batch,
            data=pb.CheckBatchRequest(requests=[CALL] * BATCH).SerializeToString(),
        ),
        STREAMS[way]: target(
            path=f"{METHODS}/CheckStream", kind=Kind.STREAM, messages=STREAM, calls=STREAM,
            data=streamed(), verify=verify_streamed,
        ),
    }  # fmt: skip


def streamed() -> bytes:
    """Return one message of a stream."""
    return pb.CheckStreamRequest(id="1", request=CALL).SerializeToString()


def start(arena: Arena) -> dict[str, Target]:
    """Start every server, and return what is asked of each."""
    ours = {way: arena.sidecar(way[0], workers=way[1]) for way in WAYS}
    like = ours["native", 0]
    found = {}
    for name, audit in ((UNAUDITED, False), (FILED, True)):
        if (peer := arena.cerbos(name, audit=audit, like=like)) is not None:
            found[name] = Target(
                **peer._asdict(), path=cerbos_server.METHOD, data=cerbos_server.question(BATCH),
                verify=partial(cerbos_server.verify_answer, count=BATCH), calls=BATCH, tls=like.tls,
            )  # fmt: skip
    for transport, workers in WAYS:
        there = arena.empty(transport, processes=workers or 1, like=like)
        found[ECHOES[transport, workers]] = Target(
            **there._asdict(), path=empty.ECHO, kind=Kind.STREAM, messages=STREAM, calls=STREAM,
            data=streamed(), verify=bytes, tls=like.tls,
        )  # fmt: skip
    for way, sidecar in ours.items():
        found |= asked_of(sidecar, way)
    return found


def main() -> None:
    """Measure, print and write."""
    chosen = arguments(__doc__)
    contest = Contest(
        start=start,
        beside=BESIDE,
        best={BEST: tuple(BATCHES.values())},
        in_flight=(32,) if chosen.quick else (8, 32),
    )
    held("batches", contest, chosen)


if __name__ == "__main__":
    main()
