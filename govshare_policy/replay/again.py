# SPDX-License-Identifier: Apache-2.0
"""Every recorded call decided again, and compared with its record byte by byte."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from govshare_policy.audit import encode_record, parse_record
from govshare_policy.decision import refuse
from govshare_policy.errors import AuditError, VerificationError
from govshare_policy.gate import answer_unrecorded
from govshare_policy.policy import Bundle
from govshare_policy.recorded import decision_record
from govshare_policy.replay.archive import Archive
from govshare_policy.replay.asked import read_asked

# The codes of refusals that no rule made: something failed, and the failure cannot be had again.
_FAULTS: Final = frozenset(("identity_unproven", "fact_error", "internal_error"))
# What a caller notices. Under another policy the rest differs in any case.
_NOTICED: Final = ("outcome", "clauses", "fields", "duties", "grant")


class Verdict(StrEnum):
    """What deciding a call again showed.

    Attributes:
        SAME: The record could be written again, byte for byte.
        DIFFERS: It could not; the members that differ are named.
        FAULT: The call was refused because something failed, as the record says and as it should
            be; whether it did fail cannot be decided again.
        MISSING: The policy that decided is not in the archive.
        UNREADABLE: The record is not what the gate writes.
    """

    SAME = "same"
    DIFFERS = "differs"
    FAULT = "fault"
    MISSING = "missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One recorded call, decided again.

    Attributes:
        index: Number of the record in the log.
        revision: The policy that the record names.
        members: Those of the record that differ.
        recorded: Outcome, clauses, fields, duties and grant, as far as they differ, as recorded.
        replayed: The same, as decided again.
    """

    index: int
    id: str
    verdict: Verdict
    revision: str = ""
    members: tuple[str, ...] = ()
    recorded: Mapping[str, object] = field(default_factory=dict)
    replayed: Mapping[str, object] = field(default_factory=dict)


def replay(
    records: Iterable[tuple[int, bytes]], archive: Archive, *, under: Bundle | None = None
) -> Iterator[Replayed]:
    """Decide again every call in *records*, in their order; other records are passed over.

    Memory does not grow with the log.

    Args:
        records: Numbers and bytes, as :func:`govshare_policy.audit.read_records` yields them.
        archive: Where the policies are that the records name.
        under: Decide by this policy instead, whatever they name, and compare what a caller
            notices: which calls would another text have answered differently?

    Raises:
        VerificationError: If a bundle in the archive is not what it is called.
        FactError: If a register of one is wrong.
        PolicyError: If a pack of one is.
    """
    for index, data in records:
        try:
            record = parse_record(data)
        except VerificationError:
            yield Replayed(index=index, id="", verdict=Verdict.UNREADABLE)
            continue
        if record.get("phase") == "decision":
            yield _again(index, record, archive, under)


def _again(index: int, record: dict[str, Any], archive: Archive, under: Bundle | None) -> Replayed:
    ident = str(record.get("id", ""))
    policy = record.get("policy")
    revision = str(policy.get("revision", "")) if isinstance(policy, dict) else ""
    found = Replayed(index=index, id=ident, verdict=Verdict.MISSING, revision=revision)
    bundle = under or archive.find(revision)
    if bundle is None:
        return found
    fault = _is_fault(record)
    if fault and under is not None:
        return replace(found, verdict=Verdict.FAULT)
    try:
        written = _failed(record, bundle) if fault else _decided(record, bundle)
        members = _differing(record, written, names=_NOTICED if under else ())
    except AuditError:
        return replace(found, verdict=Verdict.UNREADABLE)
    if not members:
        return replace(found, verdict=Verdict.FAULT if fault else Verdict.SAME)
    noticed = [name for name in _NOTICED if name in members]
    return replace(
        found,
        verdict=Verdict.DIFFERS,
        members=members,
        recorded={name: record.get(name) for name in noticed},
        replayed={name: written.get(name) for name in noticed},
    )


def _differing(
    record: Mapping[str, Any], written: Mapping[str, Any], *, names: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the members, of *names* or of all, whose bytes are not the same in both."""

    def spelled(whole: Mapping[str, Any], name: str) -> bytes:
        return encode_record({name: whole[name]} if name in whole else {})

    members = names or sorted({*record, *written})
    return tuple(name for name in members if spelled(record, name) != spelled(written, name))


def _decided(record: dict[str, Any], bundle: Bundle) -> dict[str, Any]:
    """Return the record of the call decided again; what no decision makes stays as it is."""
    asked = read_asked(record, bundle)
    basis = asked.basis(bundle)
    answer, facts = answer_unrecorded(asked.call, asked.evidence, basis, at=asked.at)
    answer = replace(answer, record_id=record["id"])
    return decision_record(asked.call, answer, facts, bundle, committed=record["commitments"])


def _is_fault(record: Mapping[str, Any]) -> bool:
    reasons = record.get("reasons")
    return record.get("texts") == [] and isinstance(reasons, list) and set(reasons) <= _FAULTS


def _failed(record: Mapping[str, Any], bundle: Bundle) -> dict[str, Any]:
    """Return the record as it is, with the refusal that its fault has to be."""
    reasons = record["reasons"]
    if len(reasons) != 1:
        raise VerificationError("the record is not what the gate writes")
    decision = refuse(reasons[0], None, bundle)
    return {
        **record,
        "outcome": decision.outcome.value,
        "effect": decision.effect.value,
        "clauses": list(decision.clauses),
        "fields": [],
        "duties": [],
        "grant": "",
        "grants": [],
        "counted": [],
    }
