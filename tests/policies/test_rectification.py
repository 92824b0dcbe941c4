# SPDX-License-Identifier: Apache-2.0
"""What every text calls a violation, where that is looked for, and the steps until it is mended."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from govshare_policy.audit import AuditLog, SaltStore
from govshare_policy.catalogue.rules import load_lint
from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.errors import PolicyError
from govshare_policy.identity import SHANGHAI
from govshare_policy.policy import load_pack, packs_directory, profiles
from govshare_policy.register import Register, load_register
from govshare_policy.supervision import (
    Bureau,
    ProceedingKind,
    Proceedings,
    StepTaken,
    Supervision,
    Wish,
    load_supervision,
)
from govshare_policy.supervision.model import ENDINGS
from govshare_policy.supervision.rules import FILE
from govshare_policy.workflow import Actor, Moment, Role, load_workflow
from govshare_sidecar.upstream import Fault
from tests.county import COUNTY
from tests.unit.mutated import write_packs

MONDAY = datetime(2025, 9, 22, 10, tzinfo=SHANGHAI)
# Who holds which role in the tests; the texts name them, and the county has no such bodies.
BODIES = {
    "competent_authority": "D-DATA",
    "city_gov_office": "D-JUS",
    "functional_department": "D-ECO",
    "leading_group": "D-FIN",
    "government": "D-TRA",
    "user": "D-HCB",
    "provider": "D-CAB",
    "stranger": "D-MSA",
}
# Grant G01 of D-HCB for D-CAB's R08, as if it had ended the week before.
GRANT = "G01"


def cases(profile: str) -> Mapping[str, Any]:
    path = packs_directory() / profile / "cases" / "rectification.yaml"
    table: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return table


STORIES = [(profile, name) for profile in profiles() for name in cases(profile)["stories"]]


def said(text: Supervision, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what *text* lists, in the form of the cases, for the things they ask about."""
    found: dict[str, Any] = {
        "clauses": {one.id: [*one.clauses, *one.see] for one in text.violations}
    }
    for name, sight in (
        ("refused_calls", "reasons"),
        ("failed_fetches", "endings"),
        ("late_stages", "late"),
        ("refused_steps", "refused_steps"),
    ):
        found[name] = {
            str(item): one.id for one in text.violations for item in getattr(one.sights, sight)
        }
    found["registers"] = {
        flag: one.id
        for one in text.violations
        for flag in ("stale", "doubts", "suspensions", "disposals")
        if getattr(one.sights, flag)
    }
    found["catalogue"] = {rule: listed(text, rule) for rule in wanted["catalogue"]}
    found["incidents"] = {
        reason: one.id for one in text.incidents for reason in one.reasons if not one.recipients
    }
    found["published"] = {
        reason: incident.id
        for reason in wanted["published"]
        if (incident := text.incident((reason,), "public")) is not None
    }
    found["signs_only"] = [one.id for one in text.violations if one.signs_only]
    found["released_in_sum"] = list(text.sum_clauses)
    return found


def listed(text: Supervision, rule: str) -> str:
    """Return the violation that a finding of the catalogue is listed under."""
    if rule in text.harmless:
        return "none"
    named = [one.id for one in text.violations if rule in one.sights.lint]
    return (named or [one.id for one in text.violations if "*" in one.sights.lint] or ["none"])[0]


def expected(profile: str) -> dict[str, Any]:
    table = dict(cases(profile))
    del table["stories"]
    return {"signs_only": [], "released_in_sum": []} | table


@pytest.mark.parametrize("profile", profiles())
def test_every_text_lists_what_it_says(profile: str) -> None:
    """Whatever can be seen is listed under the item of the text that it belongs to."""
    assert said(load_supervision(profile), cases(profile)) == expected(profile)


@pytest.mark.parametrize("profile", profiles())
def test_every_item_says_what_of_it_nobody_can_see(profile: str) -> None:
    for violation in load_supervision(profile).violations:
        assert violation.unseen_en, violation.id
        assert re.search("[一-鿿]", violation.unseen_zh), violation.id


@pytest.mark.parametrize("profile", profiles())
def test_what_is_looked_for_is_there_to_be_seen(profile: str) -> None:
    """A rule, a step or a status that is called otherwise would never be found."""
    text, pack = load_supervision(profile), load_pack(profile)
    rules = {rule.id for rule in load_lint(profile)[0].rules}
    named = {rule for one in text.violations for rule in one.sights.lint} - {"*"}
    steps = {path for one in text.violations for path in one.sights.refused_steps}
    known = {f"{rule.matter}/{rule.step}" for rule in load_workflow(pack).steps}

    assert named | text.harmless <= rules
    # A text without suspension refuses every suspension, which is what is looked for.
    assert steps - known <= {"suspension/suspend"}
    assert set(ENDINGS) <= set(Fault)


def with_roles(register: Register, profile: str) -> Register:
    held = {(profile, role, body) for role, body in BODIES.items()}
    others = {row for row in register.roles if row[0] != profile}
    grant = register.grants[GRANT]
    over = replace(grant.period, valid_to=(MONDAY - timedelta(days=7)).date())
    grants = {**register.grants, GRANT: replace(grant, period=over)}
    return replace(register, roles=frozenset(held | others), grants=grants)


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    path = tmp_path_factory.mktemp("key") / "key.pem"
    generate_key(path, b"correct horse")
    return open_signer(f"file:{path}", b"correct horse")


Open = Callable[[Supervision], Bureau]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Iterator[Open]:
    """Open bureaus over one log; what a story is about is only what it opened itself."""
    directory = tmp_path_factory.mktemp("bureau")
    with bureau_log(directory, signer) as (log, salts):
        register = load_register(COUNTY)
        yield lambda text: Bureau(
            text=text,
            register=with_roles(register, text.profile),
            proceedings=Proceedings(),
            log=log,
            salts=salts,
            revision=bytes(32),
        )


@contextmanager
def bureau_log(directory: Path, signer: Signer) -> Iterator[tuple[AuditLog, SaltStore]]:
    origin = "audit.example/workflow"
    with (
        AuditLog.create(
            directory / "log", origin=origin, signer=signer, now=lambda: MONDAY, preallocate=4096
        ) as log,
        SaltStore(directory / "salts.sqlite") as salts,
    ):
        yield log, salts


def tell(bureau: Bureau, rows: list[dict[str, Any]]) -> Iterator[tuple[StepTaken, dict[str, Any]]]:
    """Take the steps of a story, the next one a minute or some days after the one before."""
    matter, at = "", MONDAY
    for row in rows:
        at += timedelta(days=row.get("days", 0), minutes=1)
        who = row["as"]
        role = Role.OPERATE if row["do"] == "reply" else Role.MANAGE
        kind = ProceedingKind(row.get("kind", "rectification"))
        opens = not matter
        wish = Wish(
            kind=kind,
            step=row["do"],
            actor=Actor(body=BODIES[who], person=who, role=role),
            moment=Moment(at=at, stated=True),
            matter=matter,
            told=BODIES["user"] if opens and kind is ProceedingKind.RECTIFICATION else "",
            violation=row.get("violation", ""),
            resource="R08" if opens and kind is ProceedingKind.RECTIFICATION else "",
            grant=GRANT if opens and kind is ProceedingKind.DISPOSAL else "",
            reason="如文书所述",
            way="destroyed",
            until=(at + timedelta(days=row["until"])).date() if "until" in row else None,
        )
        taken = bureau.take(wish)
        matter = taken.matter or matter
        yield taken, row


def faults(bureau: Bureau, rows: list[dict[str, Any]]) -> list[str]:
    """Return where the story goes otherwise than it says."""
    found: list[str] = []
    for taken, row in tell(bureau, rows):
        what = f"{row['do']} as {row['as']}"
        code = taken.refusal.code if taken.refusal is not None else None
        if code != row.get("refused"):
            return [*found, f"{what}: {code}"]
        if "state" in row and taken.state != row["state"]:
            found.append(f"{what}: {taken.state}")
        if "clauses" in row and list(taken.clauses) != row["clauses"]:
            found.append(f"{what}: {taken.clauses}")
        if "told" in row and [one["to"] for one in taken.told] != row["told"]:
            found.append(f"{what}: {taken.told}")
        if any(not one["bodies"] for one in taken.told):
            found.append(f"{what}: nobody is told")
    return found


@pytest.mark.parametrize(("profile", "name"), STORIES, ids=[f"{p}:{n}" for p, n in STORIES])
def test_the_steps_are_those_of_the_text(profile: str, name: str, opened: Open) -> None:
    """Notice, reply, close, and what follows when nothing is mended: by whom and to whom."""
    assert faults(opened(load_supervision(profile)), cases(profile)["stories"][name]) == []


TABLES = [
    (profile, header)
    for profile in profiles()
    for header in range(
        len(
            re.findall(
                r"^\[\[", (packs_directory() / profile / FILE).read_text("utf-8"), re.MULTILINE
            )
        )
    )
]


def without(number: int) -> Callable[[str], str]:
    """Return the edit that takes the table *number* of a file out."""

    def edit(text: str) -> str:
        parts = re.split(r"(?m)^(?=\[)", text)
        del parts[number + 1]
        return "".join(parts)

    return edit


@pytest.mark.parametrize(("profile", "number"), TABLES)
def test_every_table_is_missed_once_it_is_taken_out(
    profile: str, number: int, tmp_path: Path, opened: Open
) -> None:
    """The cases above would notice."""
    packs = write_packs(tmp_path, {f"{profile}/{FILE}": without(number)})
    try:
        text = load_supervision(profile, packs=packs)
    except PolicyError:
        return  # another table rests on it
    stories = cases(profile)["stories"].values()
    changed = said(text, cases(profile)) != expected(profile)
    spoken = load_supervision(profile).silences != text.silences and silent(text)

    assert changed or spoken or any(faults(opened(text), rows) for rows in stories)


def silent(text: Supervision) -> bool:
    """Whether the text does not say any more that it knows no such proceedings."""
    kinds = {rule.kind for rule in text.steps} | {one.kind for one in text.silences}
    return kinds != set(ProceedingKind)


@pytest.mark.parametrize("profile", profiles())
def test_what_a_text_does_not_know_it_says(profile: str) -> None:
    """Each kind of proceeding has steps, or a sentence that there are none."""
    text = load_supervision(profile)
    with_steps = {rule.kind for rule in text.steps}

    assert {one.kind for one in text.silences} == set(ProceedingKind) - with_steps


LINES = [
    (profile, number)
    for profile in profiles()
    for number, line in enumerate((packs_directory() / profile / FILE).read_text().splitlines())
    if line.startswith(("harmless", "signs_only", "stale", "doubts"))
]


@pytest.mark.parametrize(("profile", "number"), LINES)
def test_every_line_that_stands_alone_is_missed_too(
    profile: str, number: int, tmp_path: Path
) -> None:
    def edit(text: str) -> str:
        lines = text.splitlines(keepends=True)
        return "".join((*lines[:number], *lines[number + 1 :]))

    text = load_supervision(profile, packs=write_packs(tmp_path, {f"{profile}/{FILE}": edit}))

    assert said(text, cases(profile)) != expected(profile)
