# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from govshare_policy.policy import profiles
from tests.unit.cli.conftest import Command, Done, call_line


def explain(govshare: Command, data: Path, *more: object, stdin: bytes = b"") -> Done:
    return govshare("explain", "--profile", "hubei", "--data", data, *more, stdin=stdin)


def test_an_explanation_is_the_answer_and_every_rule_that_was_tried(
    govshare: Command, data: Path
) -> None:
    done = explain(govshare, data, stdin=call_line())
    checked = govshare("check", "--profile", "hubei", "--data", data, stdin=call_line())

    matched = [row["rule"] for row in done.json["tried"] if row["matched"]]
    assert (done.code, matched) == (0, ["hu-allow-conditional"])
    assert {key: done.json[key] for key in checked.json} == checked.json
    assert len(done.json["tried"]) > 40
    assert done.json["findings"][0]["profile"] == "hubei"


def test_a_rule_that_did_not_match_says_what_it_wanted_and_what_was_found(
    govshare: Command, data: Path
) -> None:
    done = explain(govshare, data, stdin=call_line(purpose="marketing"))

    rows = {row["rule"]: row for row in done.json["tried"]}
    assert done.code == 1
    assert rows["hu-purpose"]["matched"]
    assert rows["hu-purpose"]["why_not"] == []
    assert {"column": "use", "wanted": "within", "found": "outside"} in rows[
        "hu-allow-conditional"
    ]["why_not"]


@pytest.mark.parametrize("profile", profiles())
@pytest.mark.parametrize(
    "change", [{}, {"purpose": "x"}, {"grant": ""}, {"resource": "R99"}], ids=str
)
def test_the_rules_said_to_match_are_the_rules_that_decided(
    profile: str, change: dict[str, str], govshare: Command, data: Path
) -> None:
    """The explanation and the decision come by different ways and must say the same."""
    done = govshare("explain", "--profile", profile, "--data", data, stdin=call_line(**change))

    effect = done.json["effect"]
    matched = [
        row
        for row in done.json["tried"]
        if row["matched"] and (row["outcome"] == "allow") is (effect == "allow")
    ]
    cited = list(dict.fromkeys(clause for row in matched for clause in row["clauses"]))
    assert cited == done.json["clauses"]


def test_both_texts_are_explained_under_strictest(govshare: Command, data: Path) -> None:
    done = explain(govshare, data, "--precedence", "strictest", stdin=call_line())

    assert {row["profile"] for row in done.json["tried"]} == {"hubei", "national-809"}
    assert len(done.json["findings"]) == 2


def test_a_day_without_a_text_in_force_tries_no_rule(govshare: Command, data: Path) -> None:
    stdin = call_line(at="2025-07-01T00:00:00+08:00")

    done = explain(govshare, data, "--precedence", "national", stdin=stdin)
    table = explain(govshare, data, "--precedence", "national", "-o", "table", stdin=stdin)

    assert (done.code, done.json["tried"], done.json["findings"]) == (1, [], [])
    assert "no text that was chosen is in force" in table.out


def test_a_table_gives_the_clause_in_words_and_what_would_help(
    govshare: Command, data: Path
) -> None:
    stdin = call_line(id="[/x]", purpose="marketing")

    english = explain(govshare, data, "-o", "table", "--lang", "en", stdin=stdin)
    chinese = explain(govshare, data, "-o", "table", "--lang", "zh", stdin=stdin)

    assert (english.code, chinese.code) == (1, 1)
    assert english.out.startswith("[/x]  deny\n")
    assert "→ use the data for the granted purpose" in english.out
    assert "→ 请按授权用途使用" in chinese.out
    assert "湖北省政务信息资源共享管理办法 a24: " in english.out
    assert "use: outside ≠ within" in english.out
    assert "matched" in english.out
    assert "适用" in chinese.out


def test_jsonl_is_one_line(govshare: Command, data: Path) -> None:
    done = explain(govshare, data, "-o", "jsonl", stdin=call_line())

    assert done.out.count("\n") == 1
    assert done.lines[0]["effect"] == "allow"


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        (b"", "explain takes one call, and there are 0 on the input"),
        (call_line() * 2, "explain takes one call, and there are 2 on the input"),
        (b"{}\n", "the call has no `action`"),
        (b"\xff\n", "the call is not valid UTF-8 at byte 0"),
    ],
    ids=["none", "two", "a key short", "no text"],
)
def test_anything_but_one_call_is_bad_input(
    stdin: bytes, said: str, govshare: Command, data: Path
) -> None:
    done = explain(govshare, data, stdin=stdin)

    assert (done.code, done.out, done.err) == (2, "", f"govshare: {said}\n")


def test_what_is_allowed_needs_no_remedy(govshare: Command, data: Path) -> None:
    done = explain(govshare, data, "-o", "table", stdin=call_line())

    assert (done.code, done.out.split("\n")[0]) == (0, "case  allow")
    assert "→" not in done.out


def test_people_read_which_text_decides_and_which_would_not_have(
    govshare: Command, data: Path
) -> None:
    """Only Hubei binds the grant to the system (HU-a24-02)."""
    call, form = call_line(system="SYS-HCB-WEB"), ("--output", "table", "--lang")

    english = explain(govshare, data, "--precedence", "strictest", *form, "en", stdin=call)
    chinese = explain(govshare, data, "--precedence", "strictest", *form, "zh", stdin=call)
    alone = explain(govshare, data, *form, "en", stdin=call)

    said = " ".join(english.out.split())
    assert "hubei deny decides" in said
    assert "national-809 allow alone would have decided otherwise" in said
    assert "national-809 allow 单独适用时结果不同" in " ".join(chinese.out.split())
    assert "decides" not in alone.out
