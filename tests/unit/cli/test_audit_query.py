# SPDX-License-Identifier: Apache-2.0
import json
import shutil
from pathlib import Path

import pytest

from govshare_policy.audit import encode_record
from tests.unit.cli.audited import OPERATOR, Audited, make
from tests.unit.cli.conftest import Command, Done


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Audited:
    return make(tmp_path_factory.mktemp("query"), data)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "govshare"


def numbers(done: Done) -> list[int]:
    assert (done.code, done.err) == (0, "")
    return [row["index"] for row in done.json["records"]]


FILTERS = {
    ("--phase", "decision"): [1, 2, 4],
    ("--effect", "deny"): [2],
    ("--outcome", "released"): [3],
    ("--outcome", "released", "--outcome", "allow"): [1, 3, 4],
    ("--department", "D-HCB", "--effect", "allow"): [1, 4],
    ("--system", "SYS-HCB-PRH", "--resource", "R08"): [1, 2, 4],
    ("--grant", "G01"): [1, 4],
    ("--clause", "XX-1"): [],
    ("--from", "2025-09-23"): [4],
    ("--to", "2025-09-22"): [0, 1, 2, 3],
    ("--from", "2025-09-22T10:00:00+08:00", "--to", "2025-09-22T10:00:00+08:00"): [0, 1, 2, 3],
    ("--department", "nobody"): [],
}


@pytest.mark.parametrize(("options", "wanted"), FILTERS.items(), ids=str)
def test_options_choose_records(
    options: tuple[str, ...], wanted: list[int], govshare: Command, made: Audited
) -> None:
    assert numbers(govshare("audit", "query", made.log, *options)) == wanted


def test_a_clause_is_that_of_the_records_that_cite_it(govshare: Command, made: Audited) -> None:
    rows = govshare("audit", "query", made.log, "--phase", "decision").json["records"]
    [clause, *_] = rows[1]["record"]["clauses"]
    citing = [row["index"] for row in rows if clause in row["record"]["clauses"]]

    assert numbers(govshare("audit", "query", made.log, "--clause", clause)) == citing


def test_the_answer_says_how_far_it_reaches(govshare: Command, made: Audited) -> None:
    first = govshare("audit", "query", made.log, "--limit", 2).json
    rest = govshare("audit", "query", made.log, "--after", first["next"]).json

    assert [row["index"] for row in (*first["records"], *rest["records"])] == [0, 1, 2, 3, 4]
    assert (first["next"], rest["next"]) == (1, None)
    assert (first["size"], first["stale"], first["verified"], first["erased"]) == (
        5,
        False,
        False,
        0,
    )


def test_with_a_trust_file_each_record_is_proven(govshare: Command, made: Audited) -> None:
    assert govshare("audit", "query", made.log, "--trust", made.trust).json["verified"]


def test_a_log_that_is_not_vouched_for_is_exit_1(
    govshare: Command, made: Audited, tmp_path: Path
) -> None:
    other = make_other(tmp_path)
    done = govshare("audit", "query", made.log, "--trust", other)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("govshare: no trusted key signed")


def make_other(directory: Path) -> Path:
    from govshare_policy.audit import trust_text  # noqa: PLC0415  only here
    from govshare_policy.crypto import generate_key  # noqa: PLC0415  only here
    from tests.unit.cli.audited import ORIGIN  # noqa: PLC0415  only here

    public = generate_key(directory / "other.pem", b"correct horse")
    (directory / "other.toml").write_text(trust_text(ORIGIN, public), "utf-8")
    return directory / "other.toml"


def test_a_person_is_found_by_the_salts(govshare: Command, made: Audited) -> None:
    said = ("audit", "query", made.log, "--salts", made.salts)
    told = govshare(*said, "--person", f"operator={OPERATOR}")
    asked = govshare(*said, "--person", "operator=-", stdin=f"{OPERATOR}\n".encode())
    other = govshare(*said, "--person", "operator=330102199001011235")

    assert numbers(told) == numbers(asked) == [1]
    assert numbers(other) == []
    assert OPERATOR not in told.out


def test_a_person_needs_the_salts(govshare: Command, made: Audited, tmp_path: Path) -> None:
    query = ("audit", "query", made.log, "--person", f"operator={OPERATOR}")
    without = govshare(*query)
    missing = govshare(*query, "--salts", tmp_path / "none")
    (tmp_path / "letter").write_text("dear sir")
    wrong = govshare(*query, "--salts", tmp_path / "letter")

    assert (without.code, without.out) == (2, "")
    assert "--salts" in without.err
    assert (missing.code, missing.err) == (
        2,
        "govshare: `none` does not exist; check the path\n",
    )
    assert (wrong.code, wrong.out) == (3, "")
    for done in (without, missing, wrong):
        assert OPERATOR not in done.err


@pytest.mark.parametrize(
    "options",
    [
        ("--from", "yesterday"),
        ("--to", "2025-09-22T10:00:00"),
        ("--person", "Wang"),
        ("--limit", "0"),
        ("--limit", str(2**63 - 1)),
        ("--after", str(2**63)),
        ("--limit", "9" * 5000),
        ("--department", "D-\udcff"),
        ("--effect", "Deny"),
        ("--phase", "decisions"),
        ("--outcome", "release"),
        ("--from", "2025-09-23", "--to", "2025-09-22"),
    ],
    ids=str,
)
def test_what_is_not_spelt_as_it_has_to_be_is_exit_2(
    options: tuple[str, ...], govshare: Command, made: Audited
) -> None:
    done = govshare("audit", "query", made.log, *options)

    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1


def test_the_index_is_in_the_cache_and_not_in_the_log(
    govshare: Command, made: Audited, cache: Path
) -> None:
    before = sorted(made.log.rglob("*"))
    govshare("audit", "query", made.log)

    assert sorted(made.log.rglob("*")) == before
    assert [path.suffix for path in sorted(cache.iterdir())] == [".sqlite", ".sum"]


def test_the_index_is_kept_where_it_is_wanted(
    govshare: Command, made: Audited, cache: Path, tmp_path: Path
) -> None:
    numbers(govshare("audit", "query", made.log, "--index", tmp_path / "mine"))

    assert not cache.exists()
    assert (tmp_path / "mine").stat().st_size > 0


def test_a_home_that_cannot_be_written_is_no_error(
    govshare: Command, made: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nothing")
    assert len(numbers(govshare("audit", "query", made.log))) == 5
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "")
    assert len(numbers(govshare("audit", "query", made.log))) == 5


def test_a_table_is_in_one_language(govshare: Command, made: Audited) -> None:
    options = ("audit", "query", made.log, "-o", "table", "--limit", 3)
    english = govshare(*options, "--lang", "en", "--trust", made.trust).out
    chinese = govshare(*options, "--lang", "zh").out

    assert "3 of the 5 records of the log" in english
    assert "each one proven" in english
    assert "--after 2" in english
    assert "共 5 条记录" in chinese
    assert "未验证" in chinese
    assert "genesis" in chinese


def test_json_lines_are_the_records(govshare: Command, made: Audited) -> None:
    lines = govshare("audit", "query", made.log, "-o", "jsonl").lines

    assert [line["index"] for line in lines] == [0, 1, 2, 3, 4]


def test_a_directory_that_is_no_log_is_exit_1(govshare: Command, tmp_path: Path) -> None:
    done = govshare("audit", "query", tmp_path)

    assert (done.code, done.out) == (1, "")
    assert "log.json" in done.err


def test_the_program_asks_a_log_on_a_medium_that_cannot_be_written(
    program: Command, made: Audited, tmp_path: Path
) -> None:
    shutil.copytree(made.log, tmp_path / "stick")
    for path in (*(tmp_path / "stick").rglob("*"), tmp_path / "stick"):
        path.chmod(path.stat().st_mode & 0o555)
    done = program(
        "audit", "query", tmp_path / "stick", environment={"XDG_CACHE_HOME": str(tmp_path / "c")}
    )

    assert (done.code, len(json.loads(done.out)["records"])) == (0, 5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--effect", "Deny"), "--effect takes allow, deny"),
        (("--phase", "x"), "--phase takes decision, outcome, workflow, supervision, key"),
        (("--outcome", "x"), "--outcome takes allow, needs_platform_authorization"),
    ],
)
def test_a_misspelt_word_is_told_the_words_there_are(
    options: tuple[str, str], says: str, govshare: Command, made: Audited
) -> None:
    assert says in govshare("audit", "query", made.log, *options).err


def test_a_status_of_somebody_elses_is_asked_for_among_outcomes(
    govshare: Command, made: Audited
) -> None:
    done = govshare("audit", "query", made.log, "--outcome", "mine", "--phase", "outcome")

    assert numbers(done) == []


def test_every_status_of_the_sidecar_can_be_asked_for() -> None:
    from govshare_policy.cli.audit_common import OUTCOMES  # noqa: PLC0415  only here
    from govshare_sidecar.auth_request import NOT_EXACT  # noqa: PLC0415  only here
    from govshare_sidecar.release.released import CALLER_LEFT  # noqa: PLC0415  only here
    from govshare_sidecar.upstream import Fault  # noqa: PLC0415  only here

    assert {*Fault, NOT_EXACT, CALLER_LEFT, "released"} <= set(OUTCOMES)


def test_the_largest_numbers_are_numbers(govshare: Command, made: Audited) -> None:
    most = str(2**63 - 1)

    assert len(numbers(govshare("audit", "query", made.log, "--limit", str(2**63 - 2)))) == 5
    assert numbers(govshare("audit", "query", made.log, "--after", most)) == []
    shown = govshare("audit", "show", made.log, "--from", most, "--count", most)
    assert (shown.code, shown.json) == (0, {"records": []})
    assert govshare("audit", "show", made.log, "--from", str(2**63)).code == 2


def test_a_value_that_is_no_text_is_exit_2(govshare: Command, made: Audited) -> None:
    person = ("--person", "operator=-", "--salts", made.salts)
    done = govshare("audit", "query", made.log, *person, stdin=b"\xff\n")

    assert (done.code, done.out) == (2, "")


@pytest.mark.parametrize("linked", [False, True], ids=["named", "linked"])
def test_nothing_is_written_into_the_log(
    linked: bool,  # noqa: FBT001  a parameter of the test
    govshare: Command,
    made: Audited,
    tmp_path: Path,
) -> None:
    into = made.log / "seg"
    if linked:
        (tmp_path / "link").symlink_to(into)
        into = tmp_path / "link"
    before = sorted(made.log.rglob("*"))
    for command in (
        ("query", made.log, "--index", into / "x"),
        ("export", made.log, "--format", "csv", "--out", into / "x"),
        ("prove", made.log, 1, "--out", into / "x"),
        ("report", made.log, "--trust", made.trust, "--out", into / "x"),
    ):
        done = govshare("audit", *command)
        assert (done.code, done.out) == (2, "")
        assert "`x` would lie in the log" in done.err
    assert sorted(made.log.rglob("*")) == before


def test_records_without_a_readable_time_are_counted(
    govshare: Command, made: Audited, tmp_path: Path
) -> None:
    from govshare_policy.audit import AuditLog  # noqa: PLC0415  only here
    from govshare_policy.crypto import open_signer  # noqa: PLC0415  only here
    from tests.unit.cli.audited import AT  # noqa: PLC0415  only here

    log = tmp_path / "log"
    shutil.copytree(made.log, log)
    signer = open_signer(f"file:{made.log.parent / 'key.pem'}", b"correct horse")
    with AuditLog.open(log, signer=signer, now=lambda: AT.replace(year=2027)) as writer:
        writer.append(encode_record({"phase": "admin", "t": "noon"}))
        writer.append(encode_record({"phase": "recovery"}))
    query = ("audit", "query", log)

    assert govshare(*query, "--from", "2025-09-23").json["untimed"] == 2
    assert govshare(*query, "--to", "2025-09-23", "--phase", "admin").json["untimed"] == 1
    assert govshare(*query).json["untimed"] == 0
    table = (*query, "--from", "2025-09-23", "-o", "table", "--lang")
    assert "2 records have no readable time and were not compared" in govshare(*table, "en").out
    assert "2 条记录没有可读的时间" in govshare(*table, "zh").out
