# SPDX-License-Identifier: Apache-2.0
"""The sample county with its people, who take steps one after another as on the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from govshare_policy import check, load_bundle, load_register
from govshare_policy.audit import AuditLog, SaltStore, parse_record, read_records
from govshare_policy.call import call_from_document
from govshare_policy.crypto import Signer
from govshare_policy.identity import SHANGHAI
from govshare_policy.legal import Outcome
from govshare_policy.policy import Bundle, Precedence, load_pack
from govshare_policy.register import Register
from govshare_policy.workflow import (
    Actor,
    Inputs,
    Matter,
    Moment,
    Office,
    Role,
    StepAnswer,
    Store,
    Want,
    Workflow,
    applications,
    load_workflow,
)
from govshare_policy.workflow.needs import Need
from govshare_policy.workflow.recovery import recover
from tests.county import Change, basis_over, write_county
from tests.unit.workflow.acts import act_of, takes_inputs

MONDAY = datetime(2025, 9, 22, 10, tzinfo=SHANGHAI)
ORIGIN = "audit.example/workflow"

LI = Actor(body="D-CAB", person="li", role=Role.OPERATE)
WANG = Actor(body="D-CAB", person="wang", role=Role.MANAGE)
HE = Actor(body="D-NRB", person="he", role=Role.OPERATE)
SUN = Actor(body="D-NRB", person="sun", role=Role.MANAGE)
ZHAO = Actor(body="O-OPS", person="zhao", role=Role.OPERATE)
ZHOU = Actor(body="O-OPS", person="zhou", role=Role.MANAGE)
XU = Actor(body="D-DATA", person="xu", role=Role.MANAGE)
DENG = Actor(body="D-DRC", person="deng", role=Role.MANAGE)
PEOPLE = (LI, WANG, HE, SUN, ZHAO, ZHOU, XU, DENG)

# Real-estate ownership, conditional, of D-NRB; nobody in D-CAB has a grant for it yet.
NEED = Need(
    resource="R12",
    fields=("id_no", "owner_name"),
    purposes=("data_verification",),
    channels=("api",),
    systems=("SYS-CAB-AID",),
    valid_from=date(2025, 9, 1),
    valid_to=date(2026, 8, 31),
    texts={"need": "核对救助对象", "reason": "救助审批", "basis": "救助办法", "scenario": "审批"},
)
REASON = Inputs(texts={Want.REASON: "依据所列条款，用途与职责不符"}, reason_code="outside_duties")
FINDING = Inputs(texts={Want.FINDING: "核对原始档案"})

# What each text wants between an application for R12 and the grant, and who does it.
CYCLES: dict[str, list[tuple[str, Actor]]] = {
    "henan-fengqiu": [("approve", SUN), ("supply", HE)],
    "henan-yanjin": [("approve", SUN), ("supply", ZHAO)],
    "jiangxi-pingxiang": [("approve", SUN), ("supply", HE)],
    "henan-hebi": [("approve", SUN), ("supply", HE)],
    "hubei": [("accept", ZHAO), ("approve", SUN), ("notify", ZHAO), ("supply", HE)],
    "national-809": [
        ("endorse", WANG),
        ("clear_approval", SUN),
        ("approve", SUN),
        ("supply", HE),
    ],
}


@cache
def _workflow(profile: str) -> Workflow:
    return load_workflow(load_pack(profile))


_BUNDLES: dict[tuple[str, Precedence, bytes], Bundle] = {}


def _bundle(profile: str, register: Register, precedence: Precedence) -> Bundle:
    key = (profile, precedence, register.digest)
    if key not in _BUNDLES:
        _BUNDLES[key] = load_bundle(profile, register, precedence=precedence)
    return _BUNDLES[key]


class Town:
    """A deployment on a disk, opened anew for every step."""

    def __init__(
        self,
        directory: Path,
        signer: Signer,
        profile: str,
        precedence: Precedence = Precedence.LOCAL,
        change: Change | None = None,
        *,
        keep: bool = False,
        text: Workflow | None = None,
    ) -> None:
        """Write the county; *text* stands in for the procedures of the profile."""
        self.signer, self.profile, self.precedence = signer, profile, precedence
        self._text = text
        self.directory = directory
        self.data = directory / "data"
        if not keep:
            write_county(self.data, change)
        self.log = directory / "log"
        self.at = MONDAY
        self._open: Office | None = None

    @contextmanager
    def office(self) -> Iterator[Office]:
        """Open the office, or stay in the one that is open already."""
        if self._open is not None:
            yield self._open
            return
        with self._opened() as office:
            self._open = office
            try:
                yield office
            finally:
                self._open = None

    @contextmanager
    def _opened(self) -> Iterator[Office]:
        with self._audit_log() as log, self._store() as store:
            recover(store, log, log_directory=self.log, data=self.data)
            register = load_register(self.data)
            bundle = _bundle(self.profile, register, self.precedence)
            with SaltStore(self.directory / "salts.sqlite") as salts:
                yield Office(
                    bundle=bundle,
                    texts=tuple(self._procedures(text.pack.profile) for text in bundle.texts),
                    data=self.data,
                    store=store,
                    log=log,
                    log_directory=self.log,
                    salts=salts,
                )

    def _procedures(self, profile: str) -> Workflow:
        return self._text if self._text and profile == self.profile else _workflow(profile)

    def moment(self) -> Moment:
        """Return the next moment, an hour after the one before."""
        self.at += timedelta(hours=1)
        return Moment(at=self.at, stated=True)

    def apply(self, need: Need = NEED, actor: Actor = LI) -> StepAnswer:
        with self.office() as office:
            return applications.apply(office, need, actor, self.moment())

    def take(
        self,
        matter: str,
        step: str,
        actor: Actor,
        inputs: Inputs | None = None,
        **more: Any,  # noqa: ANN401
    ) -> StepAnswer:
        """Take *step* in *matter* the way the command of that name does."""
        with self.office() as office:
            found = office.store.matter(matter)
            act, more = act_of(found.kind, step, more, office)
            answer: StepAnswer = act(
                office=office,
                matter=found,
                actor=actor,
                moment=self.moment(),
                **({"inputs": inputs or Inputs()} if takes_inputs(act) else {}),
                **more,
            )
            return answer

    def run(self, steps: list[tuple[str, Actor]], need: Need = NEED, actor: Actor = LI) -> str:
        """Apply and take *steps*; every one has to be taken."""
        with self.office():
            answer = self.apply(need, actor)
            assert answer.refusal is None, answer
            for step, who in steps:
                inputs = REASON if step in ("refuse", "clear_refusal", "decline") else None
                taken = self.take(answer.matter, step, who, inputs)
                assert taken.refusal is None, taken
        return answer.matter

    def refused(self) -> str:
        """Return an application that was refused, with the notice of it where there is one."""
        other = {"clear_approval": "clear_refusal", "approve": "refuse"}
        steps = [(other.get(step, step), who) for step, who in CYCLES[self.profile]]
        return self.run([(step, who) for step, who in steps if step != "supply"])

    def matter(self, ident: str) -> Matter:
        with self._store() as store:
            return store.matter(ident)

    def records(self) -> list[dict[str, Any]]:
        """Return the records of procedures, in order."""
        records = (parse_record(data) for _, data in read_records(self.log))
        return [record for record in records if record["phase"] == "workflow"]

    def outcome(self, at: datetime | None = None, **call: Any) -> Outcome:  # noqa: ANN401
        """Return what a call is answered, by default the one that :data:`NEED` is about."""
        document = {
            "id": "call",
            "at": (at or self.at + timedelta(days=1)).isoformat(),
            "action": "read",
            "department": "D-CAB",
            "system": "SYS-CAB-AID",
            "resource": "R12",
            "fields": ["id_no"],
            "purpose": "data_verification",
        } | call
        basis = basis_over(load_register(self.data), self.profile, self.precedence)
        return check(call_from_document(document), basis).decision.outcome

    def _audit_log(self) -> AuditLog:
        now = lambda: self.at  # noqa: E731  the clock of the town
        if self.log.exists():
            return AuditLog.open(self.log, signer=self.signer, now=now)
        return AuditLog.create(self.log, origin=ORIGIN, signer=self.signer, now=now)

    def _store(self) -> Store:
        return Store(self.directory / "store.sqlite", profile=self.profile, origin=ORIGIN)
