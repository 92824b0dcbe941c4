# SPDX-License-Identifier: Apache-2.0
"""What departments need: wishes that the catalogue does not meet, and the list made of all needs.

The list (应用需求数据清单) is compiled from applications, whatever became of them, and from needs
that were stated because no entry meets them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from govshare_policy.errors import CallError
from govshare_policy.register import Register
from govshare_policy.workflow.answer import StepAnswer
from govshare_policy.workflow.machine import Inputs
from govshare_policy.workflow.model import Actor, Matter, MatterKind
from govshare_policy.workflow.needs import MAX_TEXT
from govshare_policy.workflow.office import Office
from govshare_policy.workflow.wish import Moment, Plan, Wish

_REFUSING: Final = ("refuse", "decline")
_ANSWERS: Final = ("approve", "sign", *_REFUSING)


class Standing(StrEnum):
    """How far a need has come."""

    STATED = "stated"
    LISTED = "listed"
    OPEN = "open"
    REFUSED = "refused"
    GRANTED = "granted"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedNeed:
    """Data that a department needs and finds in no entry.

    Attributes:
        data: What they are, in words; kept, and committed to in the record.
        purposes: What they are needed for, as codes.
        provider: The body that is thought to have them; empty where the user does not know.
    """

    data: str
    purposes: tuple[str, ...]
    provider: str = ""

    def __post_init__(self) -> None:
        if not self.data.strip() or not self.purposes:
            raise CallError("a need says which data, and for which purpose")
        if len(self.data) > MAX_TEXT:
            raise CallError(f"a free text has at most {MAX_TEXT} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One line of the list: what is needed from whom, by whom, and how far that is.

    Attributes:
        resource: The entry; empty where no entry meets the need.
        data: What is needed, in words, where there is no entry.
    """

    matter: str
    provider: str
    resource: str
    data: str
    department: str
    purposes: tuple[str, ...]
    standing: Standing

    def to_document(self) -> dict[str, object]:
        """Return the line, ready for JSON."""
        return {
            "provider": self.provider,
            "resource": self.resource,
            "data": self.data,
            "department": self.department,
            "purposes": list(self.purposes),
            "standing": self.standing.value,
            "matter": self.matter,
        }


def state_need(office: Office, need: StatedNeed, actor: Actor, moment: Moment) -> StepAnswer:
    """State a need to the authority that compiles the list.

    Raises:
        CallError: If the body that is thought to have the data is unknown.
    """
    _check_body(office.bundle.register, need.provider)
    matter = office.new_matter(
        MatterKind.NEED,
        moment,
        texts=office.in_force(moment),
        department=actor.body,
        provider=need.provider,
        resource="",
        content={"data": need.data, "purposes": list(need.purposes)},
    )
    shown = {"purposes": list(need.purposes), "provider": need.provider}
    return office.take(
        Wish(
            matter=matter,
            step="state",
            actor=actor,
            moment=moment,
            opens=True,
            plan=lambda _: Plan(shown=shown, texts={"data": need.data}),
        )
    )


def list_need(
    office: Office, matter: Matter, actor: Actor, moment: Moment, *, provider: str = ""
) -> StepAnswer:
    """Put a need on the list, with the body that is to supply the data.

    Raises:
        CallError: If no body is named, or one that is unknown.
    """
    named = provider or matter.provider
    if not named:
        raise CallError("name the body that is to supply the data")
    _check_body(office.bundle.register, named)
    known = {"provider": named}
    of_provider = replace(matter, provider=named)
    return office.take(
        Wish(
            matter=of_provider,
            step="list",
            actor=actor,
            moment=moment,
            inputs=Inputs(),
            plan=lambda _: Plan(content=known, shown=known),
        )
    )


def demand_list(applications: Sequence[Matter], needs: Sequence[Matter]) -> tuple[Demand, ...]:
    """Return the list, by provider and resource."""
    lines = [*_applied(applications), *_stated(needs)]
    return tuple(sorted(lines, key=lambda d: (d.provider, d.resource, d.data, d.matter)))


def _applied(matters: Sequence[Matter]) -> Iterator[Demand]:
    for matter in matters:
        answers = [taken.step for taken in matter.steps if taken.step in _ANSWERS]
        standing = Standing.GRANTED if "grant" in matter.content else Standing.OPEN
        if answers and answers[-1] in _REFUSING:
            standing = Standing.REFUSED
        yield Demand(
            matter=matter.id,
            provider=matter.provider,
            resource=matter.resource,
            data="",
            department=matter.department,
            purposes=tuple(matter.content["request"]["purposes"]),
            standing=standing,
        )


def _stated(matters: Sequence[Matter]) -> Iterator[Demand]:
    for matter in matters:
        listed = any(taken.step == "list" for taken in matter.steps)
        yield Demand(
            matter=matter.id,
            provider=str(matter.content.get("provider", matter.provider)),
            resource="",
            data=str(matter.content["data"]),
            department=matter.department,
            purposes=tuple(matter.content["purposes"]),
            standing=Standing.LISTED if listed else Standing.STATED,
        )


def _check_body(register: Register, body: str) -> None:
    if body and body not in register.departments:
        raise CallError("the register has no such department")
