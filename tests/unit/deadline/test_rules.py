# SPDX-License-Identifier: Apache-2.0
"""A file of clocks is read strictly: every fault names the clock and the key."""

from pathlib import Path

import pytest

from govshare_policy.deadline import Event, Kind, Share, load_clocks
from govshare_policy.deadline.model import (
    CalendarDay,
    Extension,
    Limit,
    Party,
    SameDay,
    StageName,
    Unnumbered,
    WorkingDays,
)
from govshare_policy.deadline.rules import parse_clocks
from govshare_policy.errors import PolicyError
from govshare_policy.policy import packs_directory, profiles

CLAUSES = frozenset(("XX-1", "XX-2"))
GOOD = """
[[clock]]
kind = "application"
stage = "provider_answer"
clauses = ["XX-1"]
share = ["conditional"]
limit = { working_days = 5 }
starts = ["received"]
ends = ["answered"]
actor = "provider"
recipient = "user"
extension = { working_days = 10, clause = "XX-2" }
"""


def parse(text: str) -> object:
    return parse_clocks(text.encode(), clauses=CLAUSES)


def test_reads_every_key_of_a_clock() -> None:
    (clock,) = parse_clocks(GOOD.encode(), clauses=CLAUSES)

    assert (clock.kind, clock.stage) == (Kind.APPLICATION, StageName.PROVIDER_ANSWER)
    assert clock.clauses == ("XX-1",)
    assert clock.shares == {Share.CONDITIONAL}
    assert clock.limit == WorkingDays(count=5)
    assert (clock.starts, clock.ends) == ((Event.RECEIVED,), (Event.ANSWERED,))
    assert (clock.actor, clock.recipient) == (Party.PROVIDER, Party.USER)
    assert clock.extension == Extension(working_days=10, clause="XX-2")


def test_what_may_be_left_out_means_any_share_and_nobody() -> None:
    (clock,) = parse_clocks(
        b'[[clock]]\nkind = "supply"\nstage = "supply"\nclauses = ["XX-1"]\nlimit = "promptly"\n',
        clauses=CLAUSES,
    )

    assert clock.shares == set(Share)
    assert (clock.starts, clock.ends, clock.actor, clock.recipient) == ((), (), None, None)
    assert clock.extension is None


LIMITS: dict[str, tuple[str, Limit]] = {
    "before a day": ('{ before = "01-05" }', CalendarDay(month=1, day=5, inclusive=False)),
    "by a day": ('{ by = "01-31" }', CalendarDay(month=1, day=31, inclusive=True)),
    "at once": ('"same_day"', SameDay()),
    "promptly": ('"promptly"', Unnumbered.PROMPTLY),
    "in the catalogue's time": ('"catalogue"', Unnumbered.CATALOGUE),
    "no number": ('"none"', Unnumbered.NONE),
}


@pytest.mark.parametrize(("text", "limit"), LIMITS.values(), ids=LIMITS)
def test_reads_every_form_of_a_limit(text: str, limit: Limit) -> None:
    keys = {CalendarDay: 'ends = ["submitted"]\n', Unnumbered: ""}
    both = 'starts = ["raised"]\nends = ["submitted"]\n'
    data = (
        '[[clock]]\nkind = "annual_report"\nstage = "annual_report"\nclauses = ["XX-1"]\n'
        f"limit = {text}\n{keys.get(type(limit), both)}"
    )

    assert parse_clocks(data.encode(), clauses=CLAUSES)[0].limit == limit


FAULTS = {
    "a key nobody knows": ('actor = "provider"', 'who = "provider"', "key `who`: unknown key"),
    "no kind": ('kind = "application"\n', "", "key `kind`: missing"),
    "no clauses": ('clauses = ["XX-1"]\n', "", "key `clauses`: missing"),
    "another kind": ('"application"', '"Application"', "key `kind`: not one of"),
    "a kind that is a list": ('"application"', '["application"]', "key `kind`: not one of"),
    "another stage": ('"provider_answer"', '"answer"', "key `stage`: not one of"),
    "a stage of another kind": ('"provider_answer"', '"supply"', "`application` has no such"),
    "an empty list of clauses": ('["XX-1"]', "[]", "key `clauses`: not a list"),
    "clauses as a text": ('["XX-1"]', '"XX-1"', "key `clauses`: not a list"),
    "a clause nobody knows": ('["XX-1"]', '["XX-9"]', "key `clauses`: a clause is not"),
    "a clause that is a number": ('["XX-1"]', "[1]", "key `clauses`: a clause is not"),
    "a clause twice": ('["XX-1"]', '["XX-1", "XX-1"]', "key `clauses`: an item stands twice"),
    "another share": ('["conditional"]', '["open"]', "key `share`: an item is not one of"),
    "no share at all": ('["conditional"]', "[]", "key `share`: not a list"),
    "a share twice": ('["conditional"]', '["conditional", "conditional"]', "stands twice"),
    "another event": ('["received"]', '["seen"]', "key `starts`: an item is not one of"),
    "an event as a text": ('["answered"]', '"answered"', "key `ends`: not a list"),
    "another party": ('"user"', '"citizen"', "key `recipient`: not one of"),
    "no start": ('starts = ["received"]\n', "", "key `starts`: missing"),
    "no end": ('ends = ["answered"]\n', "", "key `ends`: missing"),
    "no days": ("working_days = 5", "working_days = 0", "key `limit`: not a number"),
    "a negative number": ("working_days = 5", "working_days = -5", "key `limit`: not a number"),
    "too many days": ("working_days = 5", "working_days = 251", "key `limit`: not a number"),
    "true is not a number": ("working_days = 5", "working_days = true", "`limit`: not a number"),
    "half a day": ("working_days = 5", "working_days = 5.0", "key `limit`: not a number"),
    "two limits": ("{ working_days = 5 }", '{ working_days = 5, by = "01-31" }', "key `limit`:"),
    "another word": ("{ working_days = 5 }", '"soon"', "key `limit`: not {working_days}"),
    "a number alone": ("{ working_days = 5 }", "5", "key `limit`: not {working_days}"),
    "not a day": ("{ working_days = 5 }", '{ by = "31 Jan" }', "key `limit`: not a day"),
    "a week is not a day": ("{ working_days = 5 }", '{ by = "W05-1" }', "key `limit`: not a day"),
    "no such day": ("{ working_days = 5 }", '{ by = "01-32" }', "key `limit`: no such day"),
    "not every year": ("{ working_days = 5 }", '{ by = "02-29" }', "29 February"),
    "a start without a count": ("{ working_days = 5 }", '"none"', "key `starts`: the limit has"),
    "an extension without a clause": (', clause = "XX-2"', "", "key `extension`: has the keys"),
    "an extension by a number": (
        '{ working_days = 10, clause = "XX-2" }',
        "10",
        "key `extension`: has the keys",
    ),
    "an extension by no days": ("working_days = 10", "working_days = 0", "key `extension`: not a"),
    "an extension by nobody": ('clause = "XX-2"', 'clause = "XX-9"', "key `extension`: a clause"),
}


@pytest.mark.parametrize(("old", "new", "fault"), FAULTS.values(), ids=FAULTS)
def test_a_wrong_clock_is_refused_by_number_and_key(old: str, new: str, fault: str) -> None:
    assert GOOD.count(old) == 1, "the table must change one place"

    with pytest.raises(PolicyError) as caught:
        parse(GOOD.replace(old, new))

    assert str(caught.value).startswith("deadlines.toml clock 1 ")
    assert fault in str(caught.value)


def test_an_extension_of_a_fixed_day_is_refused() -> None:
    text = GOOD.replace("{ working_days = 5 }", '"same_day"')

    with pytest.raises(PolicyError, match="key `extension`: the limit has no use for it"):
        parse(text)


def test_an_end_of_a_duty_without_number_is_refused() -> None:
    text = GOOD.replace("{ working_days = 5 }", '"none"').replace('starts = ["received"]\n', "")

    with pytest.raises(PolicyError, match="key `ends`: the limit has no use for it"):
        parse(text)


def test_two_clocks_for_one_stage_and_share_are_refused() -> None:
    with pytest.raises(PolicyError, match=r"clock 2 key `stage`: .* another clock for `condi"):
        parse(GOOD + GOOD)


FILES = {
    "not UTF-8": (b"\xff", "not valid UTF-8 at byte 0"),
    "not TOML": (b"[[clock", "deadlines.toml: "),
    "another table": (b"[[stage]]\n", "unknown key `stage`"),
    "no clock": (b"", "`clock` is not a list of tables"),
    "one clock that is no list": (b"[clock]\n", "`clock` is not a list of tables"),
    "clocks that are numbers": (b"clock = [1]\n", "`clock` is not a list of tables"),
}


@pytest.mark.parametrize(("data", "fault"), FILES.values(), ids=FILES)
def test_a_wrong_file_is_refused(data: bytes, fault: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_clocks(data, clauses=CLAUSES)

    assert fault in str(caught.value)


def pack(base: Path, deadlines: str) -> Path:
    """Write a directory of packs that holds one text, with just what clocks need."""
    (base / "hubei").mkdir()
    (base / "hubei" / "law.toml").write_text("", encoding="utf-8")
    (base / "hubei" / "clauses.tsv").write_text("id\tdocument\nXX-1\tx\nXX-2\ty\n", "utf-8")
    (base / "hubei" / "deadlines.toml").write_text(deadlines, encoding="utf-8")
    return base


def test_loads_a_pack_from_a_directory(tmp_path: Path) -> None:
    assert len(load_clocks("hubei", packs=pack(tmp_path, GOOD))) == 1


def test_a_fault_names_the_pack(tmp_path: Path) -> None:
    packs = pack(tmp_path, GOOD.replace("XX-1", "XX-3"))

    with pytest.raises(PolicyError, match=r"^hubei/deadlines\.toml clock 1 key `clauses`"):
        load_clocks("hubei", packs=packs)


def test_a_pack_without_clocks_is_refused(tmp_path: Path) -> None:
    packs = pack(tmp_path, GOOD)
    (packs / "hubei" / "deadlines.toml").unlink()

    with pytest.raises(PolicyError, match="hubei: a file of the pack cannot be read"):
        load_clocks("hubei", packs=packs)


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(PolicyError, match="unknown profile; there are henan-fengqiu"):
        load_clocks("../hubei")


def test_every_pack_that_came_with_the_library_has_clocks() -> None:
    assert len(profiles()) == 6
    for profile in profiles():
        assert load_clocks(profile)
        assert (packs_directory() / profile / "cases" / "deadlines.yaml").is_file()
