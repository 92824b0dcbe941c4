# SPDX-License-Identifier: Apache-2.0
"""The words and values of clocks: what is asked, what a text says, what is due."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

# Days that are asked about; wide enough for any file, narrow enough that no count leaves `date`.
EARLIEST: Final = date(2000, 1, 1)
LATEST: Final = date(2199, 12, 31)


class Kind(StrEnum):
    """What a clock is asked about (docs/reference/deadlines.md)."""

    APPLICATION = "application"
    DIRECT_AUTHORIZATION = "direct_authorization"
    SUPPLY = "supply"
    CATALOGUE_UPDATE = "catalogue_update"
    CORRECTION = "correction"
    ANNUAL_REPORT = "annual_report"


class StageName(StrEnum):
    """A step that somebody has to take by some day."""

    FORM_CHECK = "form_check"
    PROVIDER_ANSWER = "provider_answer"
    NOTICE = "notice"
    DIRECT_AUTHORIZATION = "direct_authorization"
    RELEASE_AUTHORIZATION = "release_authorization"
    SUPPLY = "supply"
    CATALOGUE_UPDATE = "catalogue_update"
    CATALOGUE_REVIEW = "catalogue_review"
    CORRECTION_ANSWER = "correction_answer"
    ANNUAL_REPORT = "annual_report"


# The stages that a kind may have. The first is the one named where a text has no rule.
STAGES_OF: Final[Mapping[Kind, tuple[StageName, ...]]] = {
    Kind.APPLICATION: (
        StageName.PROVIDER_ANSWER,
        StageName.FORM_CHECK,
        StageName.NOTICE,
        StageName.DIRECT_AUTHORIZATION,
        StageName.RELEASE_AUTHORIZATION,
    ),
    Kind.DIRECT_AUTHORIZATION: (StageName.DIRECT_AUTHORIZATION,),
    Kind.SUPPLY: (StageName.SUPPLY,),
    Kind.CATALOGUE_UPDATE: (StageName.CATALOGUE_UPDATE, StageName.CATALOGUE_REVIEW),
    Kind.CORRECTION: (StageName.CORRECTION_ANSWER,),
    Kind.ANNUAL_REPORT: (StageName.ANNUAL_REPORT,),
}


class Event(StrEnum):
    """Something that happened on a day, as the platform recorded it."""

    SUBMITTED = "submitted"
    FORWARDED = "forwarded"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    ANSWERED = "answered"
    NOTIFIED = "notified"
    APPROVED = "approved"
    SUPPLIED = "supplied"
    CHANGED = "changed"
    UPDATED = "updated"
    REVIEWED = "reviewed"
    RAISED = "raised"


class ShareType(StrEnum):
    """The share type of the catalogue entry."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NON_SHARE = "non_share"


class Share(StrEnum):
    """The share types as clocks tell them apart.

    ``controlled`` is an unconditional entry whose interface takes parameters to be controlled.
    """

    UNCONDITIONAL = "unconditional"
    CONTROLLED = "controlled"
    CONDITIONAL = "conditional"
    NON_SHARE = "non_share"


class Status(StrEnum):
    """How a stage stands against its due date."""

    OPEN = "open"
    ON_TIME = "on_time"
    LATE = "late"
    NO_LIMIT = "no_limit"


class Party(StrEnum):
    """Who has to take a step, or whom it is addressed to."""

    PROVIDER = "provider"
    USER = "user"
    DEPARTMENT = "department"
    PLATFORM_OPERATOR = "platform_operator"
    COMPETENT_AUTHORITY = "competent_authority"
    CITY_PLATFORM_BUILDER = "city_platform_builder"
    COUNTY_PLATFORM_BUILDER = "county_platform_builder"
    LEADING_GROUP_OFFICE = "leading_group_office"
    DATA_BUREAU = "data_bureau"
    SMART_CITY_OFFICE = "smart_city_office"
    CITY_DRC = "city_drc"
    PROVINCIAL_DRC = "provincial_drc"
    GOVERNMENT = "government"


class Unnumbered(StrEnum):
    """Why a duty has no due date: the text gives no number, or none for everybody."""

    PROMPTLY = "promptly"
    CATALOGUE = "catalogue"  # within the time that the catalogue entry itself gives
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingDays:
    """Until the end of the *count*-th working day after the event; its own day is not counted."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SameDay:
    """On the day of the event itself: the text says "in real time" or "simultaneously"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDay:
    """A fixed day in the year after the one reported on.

    Attributes:
        inclusive: Whether the day itself is still in time: "by 31 January", not "before 5 January".
    """

    month: int
    day: int
    inclusive: bool


Limit = WorkingDays | SameDay | CalendarDay | Unnumbered


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """By how many working days a clock may be extended at most, and by which clause."""

    working_days: int
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One time limit of one text.

    Attributes:
        clauses: The provisions it rests on, the deciding one first; never empty.
        shares: The share types it runs for.
        starts: The events that start it; the first of them that is known does.
        ends: The events that end it, likewise.
        actor: Who has to act, if the text wants anybody to.
    """

    kind: Kind
    stage: StageName
    clauses: tuple[str, ...]
    shares: frozenset[Share]
    limit: Limit
    starts: tuple[Event, ...]
    ends: tuple[Event, ...]
    actor: Party | None
    recipient: Party | None
    extension: Extension | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A matter whose due dates are asked for.

    Attributes:
        at: When things happened; days of the platform's record, Asia/Shanghai.
        year: The year reported on, for an annual report.
        extension_days: Working days of an extension that was agreed and notified.
        as_of: The day on which an unfinished stage is judged; ``None`` judges none.
    """

    kind: Kind
    share: Share
    at: Mapping[Event, date]
    year: int | None = None
    extension_days: int = 0
    as_of: date | None = None

    def __post_init__(self) -> None:
        if self.extension_days < 0:
            raise ValueError("an extension has no negative number of days")
        if not all(EARLIEST <= day <= LATEST for day in self.at.values()):
            raise ValueError("an event lies outside the days that are asked about")
        if self.year is not None and not EARLIEST.year <= self.year < LATEST.year:
            raise ValueError("the year lies outside the years that are asked about")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A step, when it is due, and how it stands.

    Attributes:
        due: The last day in time; ``None`` without a limit or before its clock has started.
        clauses: The provisions it rests on, the deciding one first; empty if the text has none.
        counted_from: The day whose event started the clock.
        provisional: Whether days were counted in a year whose holidays are not published.
    """

    stage: StageName
    due: date | None
    status: Status
    clauses: tuple[str, ...]
    actor: Party | None = None
    recipient: Party | None = None
    limit: Limit = Unnumbered.NONE
    extended_by: int = 0
    counted_from: date | None = None
    provisional: bool = False

    def to_document(self) -> dict[str, object]:
        """Return the stage as ``govshare deadline`` prints it."""
        return {
            "stage": self.stage.value,
            "due": _iso(self.due),
            "status": self.status.value,
            "clause": self.clauses[0] if self.clauses else "",
            "clauses": list(self.clauses),
            "actor": self.actor,
            "recipient": self.recipient,
            "limit": limit_document(self.limit),
            "extended_by": self.extended_by,
            "counted_from": _iso(self.counted_from),
            "provisional": self.provisional,
        }


def share_of(share_type: ShareType, *, parameter_controlled: bool) -> Share:
    """Return the share type as clocks see it."""
    if share_type is ShareType.UNCONDITIONAL and parameter_controlled:
        return Share.CONTROLLED
    return Share(share_type.value)


def limit_document(limit: Limit) -> object:
    """Return *limit* in the form that ``deadlines.toml`` gives it."""
    match limit:
        case WorkingDays(count=count):
            return {"working_days": count}
        case SameDay():
            return "same_day"
        case CalendarDay(month=month, day=day, inclusive=inclusive):
            return {"by" if inclusive else "before": f"{month:02}-{day:02}"}
        case _:
            return limit.value


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
