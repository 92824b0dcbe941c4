# SPDX-License-Identifier: Apache-2.0
"""The command line of the catalogue: lint, import, show."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from govshare_policy.cli.catalogue import catalogue_app
from govshare_policy.errors import CallError, ConfigError, FactError, PolicyError
from tests.county import COUNTY, Change, write_county

HUBEI = ("--profile", "hubei")


def run(*arguments: object, code: int = 0) -> str:
    """Return what a command prints; its exit code has to be *code*."""
    words = [str(argument) for argument in arguments]
    result = CliRunner().invoke(
        catalogue_app, words, catch_exceptions=False, env={"LC_ALL": "C.UTF-8"}
    )
    assert result.exit_code == code, result.output
    return result.stdout


def document(*arguments: object, code: int = 0) -> Any:  # noqa: ANN401  whatever JSON holds
    return json.loads(run(*arguments, code=code))


def county(directory: Path, change: Change | None = None) -> Path:
    return write_county(directory / "data", change)


def mended(directory: Path) -> Path:
    """Return the county without the entries that Hubei finds errors in."""
    data = county(directory)
    path = data / "resources.tsv"
    kept = [
        line
        for line in path.read_text("utf-8").splitlines()
        if line.split("\t")[0] not in ("R32", "R33", "R36")
    ]
    path.write_text("\n".join(kept) + "\n", "utf-8")
    return data


def test_a_lint_error_is_exit_1_and_counted(tmp_path: Path) -> None:
    found = document("lint", *HUBEI, "--data", county(tmp_path), code=1)

    assert {key: found[key] for key in found if key != "findings"} == {
        "profile": "hubei",
        "errors": 4,
        "warnings": 1,
    }
    assert [(f["resource"], f["clause"]) for f in found["findings"]] == [
        ("R32", "HU-a08-02"),
        ("R33", "HU-a08-02"),
        ("R34", "HU-a03-03"),
        ("R36", "HU-a14-01"),
        ("R36", "HU-a14-02"),
    ]


def test_warnings_alone_are_exit_0(tmp_path: Path) -> None:
    found = document("lint", *HUBEI, "--data", mended(tmp_path))

    assert (found["errors"], found["warnings"]) == (0, 1)


def test_lines_of_json_are_one_finding_each(tmp_path: Path) -> None:
    out = run("lint", *HUBEI, "--data", county(tmp_path), "--output", "jsonl", code=1)

    assert [json.loads(line)["line"] for line in out.splitlines()] == [33, 34, 35, 37, 37]


@pytest.mark.parametrize(
    ("lang", "words"),
    [("zh", ("错误 4，提示 1", "HU-a08-02")), ("en", ("errors 4, warnings 1", "HU-a08-02"))],
)
def test_a_table_speaks_the_language_asked_for(
    lang: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    form = ("--output", "table", "--lang", lang)
    out = run("lint", *HUBEI, "--data", county(tmp_path), *form, code=1)

    assert all(word in out for word in words)


def test_a_finding_about_the_platform_names_no_resource(tmp_path: Path) -> None:
    data = county(tmp_path, {"platform.tsv": [{"key": "mlps_level", "value": "2"}]})

    found = document("lint", "--profile", "henan-hebi", "--data", data, code=1)

    [platform] = [f for f in found["findings"] if "resource" not in f]
    assert (platform["file"], platform["line"], platform["clause"]) == (
        "platform.tsv",
        2,
        "HB-a23-01",
    )
    table = run("lint", "--profile", "henan-hebi", "--data", data, "-o", "table", code=1)
    assert "platform.tsv:2 value" in table


def test_a_table_without_findings_says_that_all_is_well(tmp_path: Path) -> None:
    data = mended(tmp_path)
    path = data / "resources.tsv"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(line for line in lines if line[:3] != "R34") + "\n", "utf-8")
    grants = (data / "grants.tsv").read_text("utf-8").splitlines()
    rest = "\n".join(line for line in grants if "R34" not in line)
    (data / "grants.tsv").write_text(rest + "\n", "utf-8")

    out = run("lint", *HUBEI, "--data", data, "--output", "table")

    assert out == "✓ errors 0, warnings 0\n"


def test_a_profile_that_nobody_wrote_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"^unknown profile; there are henan-fengqiu, "):
        run("lint", "--profile", "atlantis", "--data", county(tmp_path))


def test_a_catalogue_that_does_not_load_is_refused(tmp_path: Path) -> None:
    data = county(tmp_path, {"resources.tsv": [{"resource_id": "R22", "share_type": "open"}]})

    with pytest.raises(FactError, match=r"^resources.tsv line 23 column `share_type`: not one of"):
        run("lint", *HUBEI, "--data", data)


def test_an_import_says_how_much_came_in(tmp_path: Path) -> None:
    data = county(tmp_path)
    (data / "resources.tsv").unlink()

    done = document("import", COUNTY / "resources.tsv", "--data", data)

    assert (done["entries"], done["columns"][:2]) == (36, ["resource_id", "resource_code"])
    assert (data / "resources.tsv").read_bytes() == (COUNTY / "resources.tsv").read_bytes()


def test_an_import_under_a_text_counts_what_a_lint_would_find(tmp_path: Path) -> None:
    arguments = ("import", COUNTY / "resources.tsv", "--data", county(tmp_path), "--replace")

    done = document(*arguments, *HUBEI)

    assert (done["profile"], done["errors"], done["warnings"]) == ("hubei", 4, 1)
    table = run(*arguments, *HUBEI, "--output", "table", "--lang", "zh")
    assert table == "✓ 已导入 36 个目录项；检查：错误 4，提示 1\n"
    english = run(*arguments, *HUBEI, "--output", "table", "--lang", "en")
    assert english == "✓ 36 entries imported; lint: errors 4, warnings 1\n"
    plain = run(*arguments, "--output", "table", "--lang", "zh")
    assert plain == "✓ 已导入 36 个目录项\n"


def test_an_import_over_a_catalogue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--replace replaces it$"):
        run("import", COUNTY / "resources.tsv", "--data", county(tmp_path))


def test_what_the_options_of_an_import_say_reaches_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("名称\n".encode("gb18030"))
    arguments = ("import", path, "--data", county(tmp_path), "--replace")

    with pytest.raises(FactError, match=r"^a.csv line 1: the column `provider`"):
        run(*arguments, "--encoding", "gb18030")
    with pytest.raises(CallError, match=r"^only a workbook has sheets"):
        run(*arguments, "--sheet", "目录")


def test_all_entries_are_shown_with_what_their_type_means(tmp_path: Path) -> None:
    shown = document("show", *HUBEI, "--data", county(tmp_path))

    assert (shown["profile"], len(shown["entries"])) == ("hubei", 36)
    assert (shown["entries"][2]["resource"], shown["entries"][2]["clause"]) == ("R03", "HU-a12-03")


def test_entries_come_one_a_line(tmp_path: Path) -> None:
    out = run("show", *HUBEI, "--data", county(tmp_path), "--output", "jsonl")

    assert [json.loads(line)["resource"] for line in out.splitlines()][:2] == ["R01", "R02"]


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("zh", ("不动产权属信息", "自然资源局", "有条件共享")),
        ("en", ("Real-estate", "conditional")),
    ],
)
def test_a_table_of_entries_speaks_the_language_asked_for(
    lang: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    form = ("--output", "table", "--lang", lang)
    out = run("show", *HUBEI, "--data", county(tmp_path), *form)

    assert all(word in out for word in words)


@pytest.mark.parametrize(
    ("lang", "words"),
    [("zh", ("有条件共享", "按权利人逐条查询", "共享条件")), ("en", ("share condition", "R12"))],
)
def test_one_entry_is_shown_with_all_it_states_and_the_clauses(
    lang: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    one = ("show", *HUBEI, "--data", county(tmp_path), "--resource", "R12")
    out = run(*one, "--output", "table", "--lang", lang)

    assert all(word in out for word in (*words, "HU-a11-02", "HU-a20-01"))
    assert [entry["resource"] for entry in document(*one)["entries"]] == ["R12"]


def test_an_entry_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"^the catalogue has no resource of that id$"):
        run("show", *HUBEI, "--data", county(tmp_path), "--resource", "R99")


@pytest.mark.parametrize("command", ["lint", "import", "show"])
def test_the_help_has_an_example(command: str) -> None:
    assert f"Example: govshare catalogue {command}" in " ".join(run(command, "--help").split())


def test_items_with_a_share_type_of_their_own_are_shown_below_their_entry(tmp_path: Path) -> None:
    row = {"resource_id": "R10", "item_share_types": "name=unconditional|phone=non_share:个人电话"}
    data = write_county(tmp_path / "items", {"resources.tsv": [row]})
    form = ("--data", data, "--output", "table", "--lang", "zh")

    every, one = run("show", *HUBEI, *form), run("show", *HUBEI, *form, "--resource", "R10")

    for out in (every, one):
        assert "· name" in out
        assert "个人电话" in out
    assert "HU-a07-03" in one
