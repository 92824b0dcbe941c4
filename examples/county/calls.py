# SPDX-License-Identifier: Apache-2.0
"""Make the calls of the day: real TLS connections with the systems' own certificates."""

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import grpc
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from examples.county.day import Question, Step
from examples.county.departments import HOLDINGS
from examples.county.sites import Site
from govshare_sidecar._pb import call_pb2, enforcement_pb2, enforcement_pb2_grpc

TIMEOUT_S: Final = 30.0
_KEYS: Final = {
    path: tuple(str(row[0]) for row in holding.rows)
    for holding in HOLDINGS
    for path in holding.paths
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One call that was made, and what came back.

    Attributes:
        status: Of HTTP; 0 over gRPC.
        outcome: As the answer says; ``allow`` for data over HTTP.
        record: Id of the record of the decision; empty where none was named.
        reason_zh: Of a denial.
        body: The data that left, for an allowed call over HTTP.
        fault: Why there was no answer; empty where there was one.
    """

    step: Step
    profile: str
    status: int = 0
    outcome: str = ""
    clause: str = ""
    record: str = ""
    reason_zh: str = ""
    reason_en: str = ""
    fields: tuple[str, ...] = ()
    body: object = None
    fault: str = ""


class Callers:
    """The systems of one deployment, each with its certificate and its connections."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._stack = AsyncExitStack()
        self._sessions: dict[str, ClientSession] = {}
        self._stubs: dict[str, enforcement_pb2_grpc.EnforcementStub] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def make(self, step: Step, number: int) -> Made:
        """Make *step* for the *number*-th time."""
        try:
            if step.check is None:
                return await self._get(step, number)
            return await self._check(step, step.check)
        except (ClientError, grpc.aio.AioRpcError, TimeoutError) as error:
            return Made(step=step, profile=self._site.profile, fault=type(error).__name__)

    async def _get(self, step: Step, number: int) -> Made:
        keys = _KEYS[step.path]
        url = f"https://{self._site.http}{step.path}/{keys[number % len(keys)]}"
        headers = {"Govshare-Purpose": step.purpose, "Govshare-Grant": step.grant}
        session = await self._session(step)
        async with session.get(
            url,
            params=None if step.fields == "*" else {"fields": step.fields},
            headers={name: value for name, value in headers.items() if value},
        ) as response:
            document = json.loads(await response.read())
            record = response.headers.get("Govshare-Record", "")
            status = response.status
        if status == HTTPStatus.OK:
            return Made(
                step=step,
                profile=self._site.profile,
                status=status,
                outcome="allow",
                record=record,
                body=document,
            )
        return _denied(step, self._site.profile, status, document, record)

    async def _check(self, step: Step, question: Question) -> Made:
        stub = await self._stub(step.system)
        call = call_pb2.Call(
            id=step.id,
            action="onward" if question.recipient else "read",
            resource=question.resource,
            fields=step.fields.split(","),
            grant=step.grant,
        )
        if question.claims:
            call.system = question.claims
        if step.purpose:
            call.purpose = step.purpose
        if question.recipient is not None:
            call.recipient.kind, ident = question.recipient
            if ident:
                call.recipient.id = ident
        reply = await stub.Check(enforcement_pb2.CheckRequest(call=call), timeout=TIMEOUT_S)
        answer = reply.answer
        return Made(
            step=step,
            profile=self._site.profile,
            outcome=answer.outcome,
            clause=answer.clauses[0],
            record=reply.receipt.record_id,
            reason_zh=answer.reasons[0].text_zh,
            reason_en=answer.reasons[0].text,
            fields=tuple(answer.fields),
        )

    async def _session(self, step: Step) -> ClientSession:
        name = step.system if step.certificate == "own" else step.certificate
        if name not in self._sessions:
            context = ssl.create_default_context(cafile=str(self._site.tls / "ca.pem"))
            if name != "none":
                clients = self._site.tls / "clients"
                context.load_cert_chain(clients / f"{name}.pem", clients / f"{name}.key")
            session = _session(context)
            self._sessions[name] = await self._stack.enter_async_context(session)
        return self._sessions[name]

    async def _stub(self, system: str) -> enforcement_pb2_grpc.EnforcementStub:
        if system not in self._stubs:
            clients = self._site.tls / "clients"
            credentials = grpc.ssl_channel_credentials(
                root_certificates=(self._site.tls / "ca.pem").read_bytes(),
                private_key=(clients / f"{system}.key").read_bytes(),
                certificate_chain=(clients / f"{system}.pem").read_bytes(),
            )
            channel = grpc.aio.secure_channel(self._site.grpc, credentials)
            await self._stack.enter_async_context(channel)
            self._stubs[system] = enforcement_pb2_grpc.EnforcementStub(  # type: ignore[no-untyped-call]
                channel
            )
        return self._stubs[system]


async def spend_day(
    site: Site, steps: Sequence[Step], *, tick: Callable[[], None]
) -> tuple[Made, ...]:
    """Make every call of the day at *site*, step after step, and call *tick* after each call."""
    made: list[Made] = []
    async with Callers(site) as callers:

        async def once(step: Step, number: int) -> Made:
            result = await callers.make(step, number)
            tick()
            return result

        for step in steps:
            made += await asyncio.gather(*(once(step, number) for number in range(step.times)))
    return tuple(made)


async def fetch(address: str, path: str) -> object:
    """Return the JSON at *path* of the departments' own API, as no caller may."""
    async with _session(None) as session, session.get(f"{address}{path}") as response:
        return json.loads(await response.read())


def first_key(path: str) -> str:
    """Return the key that the first call of a step on *path* asks for."""
    return _KEYS[path][0]


def _session(context: ssl.SSLContext | None) -> ClientSession:
    return ClientSession(
        connector=TCPConnector(ssl=context or True), timeout=ClientTimeout(total=TIMEOUT_S)
    )


def _denied(
    step: Step, profile: str, status: int, problem: Mapping[str, object], record: str
) -> Made:
    """Return a denial as its problem document states it."""
    reasons, clauses = problem.get("reasons"), problem.get("clauses")
    if not isinstance(reasons, list) or not isinstance(clauses, list):
        return Made(step=step, profile=profile, status=status, fault=f"HTTP {status}")
    return Made(
        step=step,
        profile=profile,
        status=status,
        outcome=str(problem["outcome"]),
        clause=clauses[0],
        record=record,
        reason_zh=reasons[0]["text_zh"],
        reason_en=reasons[0]["text"],
    )
