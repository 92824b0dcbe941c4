# SPDX-License-Identifier: Apache-2.0
"""The path of what was released, out of the log, in the words of W3C PROV.

application → grant → decision → release → what was asked to be passed on. Nothing is said that is
not in a record, and every statement names its record. Persons are commitments there, and stay so.

Source:
    W3C PROV-DM and PROV-N (recommendations of 30 April 2013), PROV-JSON (member submission).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from govshare_policy.errors import CallError

NAMESPACE: Final = "urn:govshare:"
_PREFIXES: Final = {"govshare": NAMESPACE, "prov": "http://www.w3.org/ns/prov#"}
_GRANTS_FILE: Final = "grants.tsv"
Record = Mapping[str, Any]

# The kinds of statements, each with the two things it is about, as PROV-JSON and PROV-N order them.
_RELATIONS: Final = {
    "used": ("prov:activity", "prov:entity"),
    "wasGeneratedBy": ("prov:entity", "prov:activity"),
    "wasDerivedFrom": ("prov:generatedEntity", "prov:usedEntity"),
    "wasAssociatedWith": ("prov:activity", "prov:agent"),
    "wasAttributedTo": ("prov:entity", "prov:agent"),
    "actedOnBehalfOf": ("prov:delegate", "prov:responsible"),
}


@dataclass(slots=True)
class Path:
    """Statements about one release; owned by whoever builds it.

    Attributes:
        entities: What there was, by name, with what is said of it.
        activities: What was done, likewise.
        agents: Who did it.
        relations: ``(kind, first, second)``, in the order in which they were found.
    """

    entities: dict[str, dict[str, str]] = field(default_factory=dict)
    activities: dict[str, dict[str, str]] = field(default_factory=dict)
    agents: dict[str, dict[str, str]] = field(default_factory=dict)
    relations: list[tuple[str, str, str]] = field(default_factory=list)

    def relate(self, kind: str, first: str, second: str) -> None:
        """Say that *first* stands in the relation *kind* to *second*, once."""
        if (kind, first, second) not in self.relations:
            self.relations.append((kind, first, second))

    def to_json(self) -> dict[str, Any]:
        """Return the statements as a PROV-JSON document."""
        document: dict[str, Any] = {"prefix": dict(_PREFIXES)}
        things = {"entity": self.entities, "activity": self.activities, "agent": self.agents}
        document |= {kind: dict(named) for kind, named in things.items() if named}
        for number, (kind, first, second) in enumerate(self.relations, start=1):
            one, other = _RELATIONS[kind]
            document.setdefault(kind, {})[f"_:r{number}"] = {one: first, other: second}
        return document

    def to_provn(self) -> str:
        """Return the statements in PROV-N."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield "document"
        yield f"  prefix govshare <{NAMESPACE}>"
        for name, said in self.entities.items():
            yield f"  entity({name}{_attributes(said)})"
        for name, said in self.activities.items():
            start, end = said.get("prov:startTime", "-"), said.get("prov:endTime", "-")
            rest = {key: text for key, text in said.items() if not key.endswith("Time")}
            yield f"  activity({name}, {start}, {end}{_attributes(rest)})"
        for name, said in self.agents.items():
            yield f"  agent({name}{_attributes(said)})"
        for kind, first, second in self.relations:
            times = ", -" if kind in ("used", "wasGeneratedBy", "wasAssociatedWith") else ""
            yield f"  {kind}({first}, {second}{times})"
        yield "endDocument"


def trace_path(records: Callable[[], Iterable[tuple[int, Record]]], decision: str) -> Path:
    """Return the path of what was released under the decision record *decision*.

    1. Find the decision; everything else hangs on its resource, its grants and who asked.
    2. Say what led to it: the steps by which its grants came to be.
    3. Say what it led to: its release, and later calls of the same department to pass it on.

    Args:
        records: Gives all records of the log with their numbers, anew at each call.
        decision: The id of the record.

    Raises:
        CallError: If no such decision allowed anything.
    """
    # 1.
    found = next(
        (one for one in records() if one[1].get("id") == decision and _is(one[1], "decision")), None
    )
    if found is None or found[1].get("effect") != "allow":
        raise CallError("the log has no decision of that id that allowed a call")
    number, asked = found
    path = Path()
    _decided(path, number, asked)
    matters = _matters(records(), asked)
    for at, record in records():
        # 2.
        if _is(record, "workflow") and record.get("matter") in matters and at < number:
            _stepped(path, at, record, asked)
        # 3.
        elif _is(record, "outcome") and record.get("decision") == decision:
            _released(path, at, record, asked)
        elif at > number and _passes_on(record, asked):
            _asked_onward(path, at, record, asked)
    return path


def _is(record: Record, phase: str) -> bool:
    return record.get("phase") == phase


def _matters(records: Iterable[tuple[int, Record]], asked: Record) -> frozenset[str]:
    """Return the matters in which the grants of the decision were written."""
    grants = set(asked["grants"])
    return frozenset(
        str(record["matter"])
        for _, record in records
        if _is(record, "workflow")
        and record.get("outcome") == "taken"
        and any(
            edit["file"] == _GRANTS_FILE and edit["key"] in grants
            for edit in record.get("edits", ())
        )
    )


def _decided(path: Path, number: int, asked: Record) -> None:
    call, decided, activity = asked["call"], _name("decision", asked["id"]), _act(number)
    resource = _name("resource", call["resource"])
    path.entities[decided] = _said(
        "decision", number, clauses=" ".join(asked["clauses"]), purpose=call["purpose"]
    )
    path.entities[resource] = {"prov:type": "govshare:resource"}
    path.activities[activity] = _done("decide", asked["t"])
    path.relate("wasGeneratedBy", decided, activity)
    path.relate("used", activity, resource)
    if provider := asked["facts"].get("entry", {}).get("provider"):
        path.relate("wasAttributedTo", resource, _agent(path, "department", provider))
    for grant in asked["grants"]:
        named = _name("grant", grant)
        path.entities[named] = {"prov:type": "govshare:grant"}
        path.relate("used", activity, named)
        path.relate("wasDerivedFrom", decided, named)
    department = _agent(path, "department", asked["department"])
    if asked["system"]:
        system = _agent(path, "system", asked["system"])
        path.relate("actedOnBehalfOf", system, department)
        path.relate("wasAssociatedWith", activity, system)


def _stepped(path: Path, number: int, record: Record, asked: Record) -> None:
    matter, activity = _name("application", record["matter"]), _act(number)
    path.entities.setdefault(matter, {"prov:type": f"govshare:{record['kind']}"})
    path.activities[activity] = _done(record["step"], record["t"])
    path.activities[activity]["govshare:outcome"] = record["outcome"]
    path.relate("used", activity, matter)
    path.relate("wasAssociatedWith", activity, _agent(path, "department", record["department"]))
    for edit in record.get("edits", ()):
        if edit["file"] == _GRANTS_FILE and edit["key"] in asked["grants"]:
            grant = _name("grant", edit["key"])
            path.relate("wasGeneratedBy", grant, activity)
            path.relate("wasDerivedFrom", grant, matter)


def _released(path: Path, number: int, record: Record, asked: Record) -> None:
    release, activity = _name("release", record["id"]), _act(number)
    said = record.get("release", {})
    path.entities[release] = _said(
        "release",
        number,
        status=record["status"],
        records=str(record["rows"]),
        root=f"sm3:{said['root']}" if said else "",
        fields=" ".join(said.get("fields", ())),
    )
    path.activities[activity] = _done("release", record["t"])
    path.relate("wasGeneratedBy", release, activity)
    path.relate("used", activity, _name("decision", asked["id"]))
    path.relate("wasDerivedFrom", release, _name("resource", asked["call"]["resource"]))
    path.relate("wasAttributedTo", release, _agent(path, "department", asked["department"]))


def _passes_on(record: Record, asked: Record) -> bool:
    call = record.get("call", {})
    return (
        _is(record, "decision")
        and call.get("action") == "onward"
        and call.get("resource") == asked["call"]["resource"]
        and record.get("department") == asked["department"]
    )


def _asked_onward(path: Path, number: int, record: Record, asked: Record) -> None:
    onward, activity = _name("onward", record["id"]), _act(number)
    recipient = record["call"].get("recipient", {})
    path.entities[onward] = _said(
        "onward",
        number,
        effect=record["effect"],
        clauses=" ".join(record["clauses"]),
        recipient=" ".join(text for text in (recipient.get("kind"), recipient.get("id")) if text),
    )
    path.activities[activity] = _done("onward", record["t"])
    path.relate("wasGeneratedBy", onward, activity)
    # Which release the data came from is not in the record; the resource is.
    path.relate("used", activity, _name("resource", asked["call"]["resource"]))
    path.relate("wasAssociatedWith", activity, _agent(path, "department", record["department"]))


def _agent(path: Path, kind: str, ident: str) -> str:
    name = _name(kind, ident)
    types = {"department": "prov:Organization", "system": "prov:SoftwareAgent"}
    path.agents.setdefault(name, {"prov:type": types[kind]})
    return name


def _name(kind: str, ident: str) -> str:
    """Return the qualified name of *ident*, with what PROV-N has no place for spelt out."""
    plain = "".join(
        each if each.isascii() and (each.isalnum() or each in "-_") else f"%{each.encode().hex()}"
        for each in ident
    )
    return f"govshare:{kind}-{plain}"


def _act(number: int) -> str:
    return f"govshare:record-{number}"


def _said(kind: str, number: int, **more: str) -> dict[str, str]:
    stated = {f"govshare:{name}": text for name, text in more.items() if text}
    return {"prov:type": f"govshare:{kind}", "govshare:record": str(number), **stated}


def _done(step: str, at: str) -> dict[str, str]:
    return {"prov:type": f"govshare:{step}", "prov:startTime": at, "prov:endTime": at}


def _attributes(said: Mapping[str, str]) -> str:
    if not said:
        return ""
    pairs = (f"{key}={_literal(key, text)}" for key, text in said.items())
    return f", [{', '.join(pairs)}]"


def _literal(key: str, text: str) -> str:
    if key == "prov:type":
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
