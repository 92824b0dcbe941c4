# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import pytest

from tests.county import write_county
from tests.unit.cli.conftest import Command, Done, call_line


def check(govshare: Command, data: Path, *more: object, stdin: bytes = b"") -> Done:
    return govshare("check", "--profile", "hubei", "--data", data, *more, stdin=stdin)


def test_one_allowed_call_is_one_line_and_exit_0(govshare: Command, data: Path) -> None:
    done = check(govshare, data, stdin=call_line())

    [answer] = done.lines
    assert (done.code, done.err) == (0, "")
    assert (answer["id"], answer["effect"], answer["grant"]) == ("case", "allow", "G01")


def test_one_denied_call_is_exit_1(govshare: Command, data: Path) -> None:
    done = check(govshare, data, stdin=call_line(grant="G99"))

    assert (done.code, done.lines[0]["effect"]) == (1, "deny")


def test_a_batch_that_was_answered_is_exit_0_whatever_the_answers(
    govshare: Command, data: Path
) -> None:
    denied = call_line(grant="G99")

    done = check(govshare, data, stdin=denied + denied)

    assert (done.code, [answer["effect"] for answer in done.lines]) == (0, ["deny", "deny"])


def test_a_line_that_does_not_parse_is_named_and_the_rest_are_answered(
    govshare: Command, data: Path
) -> None:
    lines = [call_line(id="a"), b'{"id": \n', call_line(id="b", force=True), call_line(id="c")]

    done = check(govshare, data, stdin=b"".join(lines))

    assert (done.code, done.err) == (2, "")
    assert [line.get("id", "") for line in done.lines] == ["a", "", "", "c"]
    assert done.lines[1:3] == [
        {"line": 2, "error": "the call is not valid JSON at line 1 column 8"},
        {"line": 3, "error": "unknown key `force` in the call"},
    ]


def test_one_line_that_does_not_parse_is_exit_2(govshare: Command, data: Path) -> None:
    done = check(govshare, data, stdin=b"[]\n")

    assert (done.code, done.lines) == (2, [{"line": 1, "error": "a call is a JSON object"}])


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"\xff\xfe{}", "the call is not valid UTF-8 at byte 0"),
        (b'{"id":' + b"9" * 5000 + b"}", "the call holds a number that is too long"),
        (b"[" * 50_000, "the call is nested too deeply"),
        (b" " * 65_537 + b"{}", "a call is at most 65536 bytes of JSON"),
        (call_line(at="0001-01-01T00:00:00+08:00"), "`at` is in a year from 1970 to 2999"),
        (call_line(at="2025-09-22T10:00:00"), "`at` is an instant with an offset"),
    ],
    ids=["UTF-8", "digits", "depth", "length", "year", "naive"],
)
def test_no_line_stops_a_batch(line: bytes, error: str, govshare: Command, data: Path) -> None:
    stdin = call_line() + line.rstrip(b"\n") + b"\n" + call_line()

    done = check(govshare, data, stdin=stdin)

    first, bad, last = done.lines
    assert (done.code, bad["line"]) == (2, 2)
    assert bad["error"].startswith(error)
    assert (first["effect"], last["effect"]) == ("allow", "allow")


def test_a_line_of_ten_megabytes_is_refused_and_the_next_is_answered(
    govshare: Command, data: Path
) -> None:
    huge = call_line(item="x" * (10 << 20))

    done = check(govshare, data, stdin=huge + call_line(id="next"))

    assert done.code == 2
    assert done.lines[0] == {"line": 1, "error": "a call is at most 65536 bytes of JSON"}
    assert done.lines[1]["id"] == "next"


def test_the_largest_call_is_read_whatever_ends_its_line(govshare: Command, data: Path) -> None:
    largest = call_line().rstrip(b"\n").ljust(65_536)

    done = check(govshare, data, stdin=largest + b"\r\n" + largest + b"\n" + largest)

    assert [answer["effect"] for answer in done.lines] == ["allow"] * 3


def test_blank_lines_count_as_lines_but_not_as_calls(govshare: Command, data: Path) -> None:
    done = check(govshare, data, stdin=b"\n  \r\n" + b"{}\n" + b"\n")

    assert done.lines == [{"line": 3, "error": "the call has no `action`"}]
    assert done.code == 2


@pytest.mark.parametrize("stdin", [b"", b"\n\n", b"   "], ids=["nothing", "lines", "blanks"])
@pytest.mark.parametrize("output", ["json", "jsonl", "table"])
def test_no_call_at_all_is_bad_input(
    stdin: bytes, output: str, govshare: Command, data: Path
) -> None:
    done = check(govshare, data, "--output", output, stdin=stdin)

    assert (done.code, done.out) == (2, "")
    assert done.err == ("govshare: there is no call on the input; give one JSON object a line\n")


def test_json_is_one_array(govshare: Command, data: Path) -> None:
    done = check(govshare, data, "-o", "json", stdin=call_line() + b"x\n")

    answer, error = json.loads(done.out)
    assert (answer["effect"], error["line"], done.code) == ("allow", 2, 2)


def test_a_table_speaks_one_language(govshare: Command, data: Path) -> None:
    stdin = call_line(id="甲一") + call_line(purpose="other") + b"x\n"

    english = check(govshare, data, "-o", "table", "--lang", "en", stdin=stdin)
    chinese = check(govshare, data, "-o", "table", "--lang", "zh", stdin=stdin)

    assert (english.code, chinese.code) == (2, 2)
    assert english.out.split("\n")[0].split() == ["call", "outcome", "clause", "reason"]
    assert chinese.out.split("\n")[0].split() == ["调用", "结果", "条款", "理由"]
    assert "line 3" in english.out
    assert "第 3 行" in chinese.out
    assert "按授权“G01”的方式和范围使用“R08”" in chinese.out
    assert "按授权" not in english.out
    assert "\x1b" not in english.out


@pytest.mark.parametrize(
    "ident", ["[/x]", "[red]x[/red]", "[link=file:///etc/passwd]x", ":warning:", "[bold", "\\[x]"]
)
def test_an_id_is_shown_as_it_is_and_never_read_as_markup(
    ident: str, govshare: Command, data: Path
) -> None:
    done = check(govshare, data, "-o", "table", stdin=call_line(id=ident))

    assert (done.code, done.err) == (0, "")
    assert ident in done.out


@pytest.mark.parametrize(
    ("variables", "heading"),
    [
        ({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, "调用"),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_CN.UTF-8"}, "调用"),
        ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": "zh_CN"}, "调用"),
        ({"LC_ALL": "en_GB.UTF-8", "LANG": "zh_CN"}, "call"),
        ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": ""}, "call"),
    ],
    ids=str,
)
def test_the_language_comes_from_the_locale(
    variables: dict[str, str],
    heading: str,
    govshare: Command,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert check(govshare, data, "-o", "table", stdin=call_line()).out.split()[0] == heading


def test_calls_come_from_a_file_too(govshare: Command, data: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls.jsonl"
    calls.write_bytes(call_line(id="one") + call_line(id="two"))

    done = check(govshare, data, "--calls", calls)

    assert [answer["id"] for answer in done.lines] == ["one", "two"]


@pytest.mark.parametrize("precedence", ["local", "national", "strictest"])
def test_precedence_is_chosen_and_stated(precedence: str, govshare: Command, data: Path) -> None:
    done = check(govshare, data, "--precedence", precedence, stdin=call_line())

    policy = done.json["policy"]
    assert (policy["profile"], policy["precedence"]) == ("hubei", precedence)
    texts = {"local": 1, "national": 1, "strictest": 2}
    assert len(done.json["texts"]) == texts[precedence]


def test_the_same_calls_get_the_same_answers(govshare: Command, data: Path) -> None:
    """No clock and no chance: an answer depends on the call, the register and the texts."""
    stdin = call_line() + call_line(fields=["*"]) + call_line(at="2027-01-01T00:00:00+08:00")

    assert check(govshare, data, stdin=stdin).out == check(govshare, data, stdin=stdin).out


MISTAKES = {
    "no profile": (["check", "--data", "D"], "Missing option '--profile'; see --help"),
    "no data": (["check", "--profile", "hubei"], "Missing option '--data'; see --help"),
    "another form": (
        ["check", "--profile", "hubei", "--data", "D", "-o", "xml"],
        (
            "Invalid value for '--output' / '-o': 'xml' is not one of 'table', 'json', 'jsonl'"
            "; see --help"
        ),
    ),
    "another precedence": (
        ["check", "--profile", "hubei", "--data", "D", "--precedence", "weakest"],
        (
            "Invalid value for '--precedence': 'weakest' is not one of 'local', 'national', "
            "'strictest'; see --help"
        ),
    ),
    "a data directory that is not there": (
        ["check", "--profile", "hubei", "--data", "nowhere"],
        "the data directory `nowhere` does not exist",
    ),
    "calls that are not there": (
        ["check", "--profile", "hubei", "--data", "D", "--calls", "/nowhere/calls.jsonl"],
        "`calls.jsonl`: No such file or directory",
    ),
    "calls that are a directory": (
        ["check", "--profile", "hubei", "--data", "D", "--calls", "/usr"],
        "`usr`: Is a directory",
    ),
}


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_is_one_sentence_on_standard_error(
    arguments: list[str], said: str, govshare: Command, data: Path
) -> None:
    done = govshare(*(str(data) if word == "D" else word for word in arguments))

    assert (done.code, done.out, done.err) == (2, "", f"govshare: {said}\n")


def test_an_unknown_profile_is_answered_with_those_there_are(govshare: Command, data: Path) -> None:
    done = govshare("check", "--profile", "hunan", "--data", data, stdin=call_line())

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("govshare: unknown profile; there are henan-fengqiu, ")


def test_a_table_with_a_wrong_column_names_it_and_answers_nothing(
    govshare: Command, tmp_path: Path
) -> None:
    broken = write_county(tmp_path / "data")
    text = (broken / "grants.tsv").read_text("utf-8")
    (broken / "grants.tsv").write_text(text.replace("purposes", "purpose", 1), "utf-8")

    done = check(govshare, broken, stdin=call_line())

    assert (done.code, done.out) == (2, "")
    assert done.err == "govshare: grants.tsv line 1 column 5: unknown column `purpose`\n"


def test_the_program_answers_in_a_pipe(program: Command, data: Path) -> None:
    denied = call_line(grant="G99")

    allowed = program("check", "--profile", "hubei", "--data", data, stdin=call_line())
    refused = program("check", "--profile", "hubei", "--data", data, stdin=denied)
    batch = program("check", "--profile", "hubei", "--data", data, stdin=denied + b"{\n")

    assert (allowed.code, allowed.err) == (0, "")
    assert json.loads(allowed.out)["effect"] == "allow"
    assert (refused.code, refused.lines[0]["effect"]) == (1, "deny")
    assert (batch.code, batch.lines[1]["line"]) == (2, 2)


def test_the_program_speaks_chinese_under_a_chinese_locale(program: Command, data: Path) -> None:
    done = program(
        *("check", "--profile", "hubei", "--data", data, "-o", "table"),
        stdin=call_line(),
        environment={"LC_ALL": "zh_CN.UTF-8", "PYTHONUTF8": "1"},
    )

    assert (done.code, done.out.split()[0]) == (0, "调用")
