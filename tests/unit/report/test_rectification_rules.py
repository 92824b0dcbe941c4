# SPDX-License-Identifier: Apache-2.0
"""A ``rectification.toml`` is read strictly: every fault names the table and the key."""

from pathlib import Path

import pytest

from govshare_policy.errors import PolicyError
from govshare_policy.supervision import Need, ProceedingKind, Side, load_supervision
from govshare_policy.supervision.rules import parse_supervision
from tests.unit.mutated import swap, write_packs

CLAUSES = frozenset(("XX-1", "XX-2"))
REASONS = frozenset(("purpose_outside_grant",))
GOOD = """
[catalogue]
harmless = ["xx-secret"]

[released_in_sum]
clauses = ["XX-2"]

[[violation]]
id = "xx-purpose"
clauses = ["XX-1"]
side = "user"
zh = "用途"
en = "purpose"
reasons = ["purpose_outside_grant"]
late = ["supply"]
lint = ["*"]
endings = ["upstream_timeout"]
refused_steps = ["application/refuse"]
stale = true
mend_zh = "停止"
mend_en = "stop"
unseen_zh = "看不到"
unseen_en = "out of sight"

[[incident]]
id = "leak"
clauses = ["XX-2"]
zh = "泄露"
en = "leak"
reasons = ["purpose_outside_grant"]
recipients = ["public"]

[[step]]
id = "xx-notice"
step = "notice"
kind = "rectification"
from = ["new"]
to = "notified"
by = ["competent_authority"]
role = "manage"
clauses = ["XX-1"]
violations = ["xx-purpose"]
needs = ["until"]
overdue = true
tells = [{ to = "told", act = "rectify", clause = "XX-1" }]

[[silent]]
id = "xx-no-disposal"
kind = "disposal"
zh = "没有规定"
en = "nothing is said"
"""


def parse(text: str) -> dict[str, object]:
    return parse_supervision(text.encode(), clauses=CLAUSES, reasons=REASONS)


def test_every_key_is_read() -> None:
    tables = parse_supervision(GOOD.encode(), clauses=CLAUSES, reasons=REASONS)
    (violation,), (incident,) = tables["violations"], tables["incidents"]
    (step,), (silence,) = tables["steps"], tables["silences"]

    assert (violation.id, violation.side, violation.sights.stale) == (
        "xx-purpose",
        Side.USER,
        True,
    )
    assert violation.sights.refused_steps == ("application/refuse",)
    assert (incident.recipients, incident.clauses) == (("public",), ("XX-2",))
    assert (step.needs, step.overdue, step.tells[0].act) == ((Need.UNTIL,), True, "rectify")
    assert (silence.kind, silence.clauses) == (ProceedingKind.DISPOSAL, ())
    assert (tables["harmless"], tables["sum_clauses"]) == (frozenset(("xx-secret",)), ("XX-2",))


FAULTS = {
    "an unknown key": ("side =", "sides =", "violation 1 key `sides`: unknown key"),
    "a key of no table": ("harmless =", "harm =", "catalogue key `harm`: unknown key"),
    "a table that is a list": ("[catalogue]", "[[catalogue]]", "`catalogue` is not a table"),
    "an unknown table": ("[[silent]]", "[[silence]]", "unknown key `silence`"),
    "a missing key": ('en = "purpose"\n', "", "violation 1 key `en`: missing"),
    "an empty text": ('en = "purpose"', 'en = ""', "not a text with something in it"),
    "a clause of another text": ('["XX-2"]\nzh', '["YY-1"]\nzh', "not in the clause registry"),
    "an unknown side": ('"user"', '"nobody"', "key `side`: not one of provider, user, anybody"),
    "an unknown reason": (
        'reasons = ["purpose_outside_grant"]\nlate',
        'reasons = ["mood"]\nlate',
        "`mood` is no reason",
    ),
    "an unknown stage": ('["supply"]', '["lunch"]', "key `late`: an item is not one of"),
    "an unknown ending": ("upstream_timeout", "upstream_fire", "key `endings`"),
    "an unknown recipient": ('["public"]', '["martian"]', "key `recipients`"),
    "an empty list": ('["supply"]', "[]", "key `late`: not a list with something in it"),
    "an item that is no text": ('["supply"]', "[1]", "key `late`: an item is not a text"),
    "an item twice": ('["supply"]', '["supply", "supply"]', "an item stands twice"),
    "a flag that is none": ("stale = true", 'stale = "Y"', "key `stale`: not true or false"),
    "a step that is no path": ("application/refuse", "refuse", "key `refused_steps`"),
    "a name that is none": ('"xx-purpose"', '"Purpose"', "key `id`: not a lower-case name"),
    "an unknown kind": ('kind = "rectification"', 'kind = "party"', "step 1 key `kind`"),
    "a tell without a clause": (', clause = "XX-1" }', " }", "step 1 key `tells`"),
    "a tell that is no table": ("[{ to", '["x", { to', "step 1 key `tells`"),
    "a step of no violation": ('["xx-purpose"]', '["xx-none"]', "names a violation that is not"),
    "a state from nowhere": ('from = ["new"]', 'from = ["old"]', "no step leads to"),
    "no TOML": ("[[violation]]", "[[violation", "rectification.toml: "),
}


@pytest.mark.parametrize(("old", "new", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_refused_with_its_place(old: str, new: str, message: str) -> None:
    with pytest.raises(PolicyError) as error:
        parse(swap(old, new)(GOOD))

    assert message in str(error.value)
    assert str(error.value).startswith("rectification.toml")


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(PolicyError, match="not valid UTF-8 at byte 0"):
        parse_supervision(b"\xff", clauses=CLAUSES, reasons=REASONS)


def test_a_table_that_is_no_list_is_refused() -> None:
    with pytest.raises(PolicyError, match="`violation` is not a list of tables"):
        parse('violation = "none"')


def test_what_is_seen_belongs_to_one_violation() -> None:
    """Otherwise the same thing would be listed twice, or where nobody looks for it."""
    start, end = GOOD.index("[[violation]]"), GOOD.index("[[incident]]")
    second = GOOD[start:end].replace("xx-purpose", "xx-other")
    with pytest.raises(PolicyError, match="of `xx-other` is claimed by another violation"):
        parse(GOOD + second)
    with pytest.raises(PolicyError, match="violation 2 key `id`: stands twice"):
        parse(GOOD + GOOD[start:end])


def test_a_pack_names_itself_in_the_fault(tmp_path: Path) -> None:
    packs = write_packs(tmp_path, {"hubei/rectification.toml": swap("[[step]]", "[[stop]]")})
    with pytest.raises(PolicyError, match=r"^hubei/rectification\.toml: unknown key `stop`"):
        load_supervision("hubei", packs=packs)
    (packs / "hubei" / "rectification.toml").unlink()
    with pytest.raises(PolicyError, match=r"^hubei/rectification\.toml: cannot be read"):
        load_supervision("hubei", packs=packs)
