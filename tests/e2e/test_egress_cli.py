# SPDX-License-Identifier: Apache-2.0
"""The onward guard on the command line, without a sidecar."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from govshare_policy.audit import parse_record, read_records
from govshare_policy.crypto import generate_key
from tests.e2e.deployment import PASSPHRASE, Deployment
from tests.e2e.egress_world import OTHERS, PEOPLE, as_json


@pytest.fixture
def guard(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    assert run(tmp_path, "key", "keys/egress.key")[0] == 0
    public = generate_key(tmp_path / "keys" / "own.pem", PASSPHRASE)
    (tmp_path / "keys" / "own.pub").write_bytes(public.to_pem())
    (tmp_path / "keys" / "own.passphrase").write_bytes(PASSPHRASE + b"\n")
    (tmp_path / "keys" / "own.passphrase").chmod(0o600)
    (tmp_path / "obtained.json").write_bytes(as_json(PEOPLE))
    (tmp_path / "own.json").write_bytes(as_json(OTHERS))
    (tmp_path / "held.jsonl").write_bytes(b"\n".join(as_json([r])[1:-1] for r in PEOPLE) + b"\n")
    return tmp_path


@pytest.fixture
def deployed(guard: Path) -> Deployment:
    (guard / "deployed").mkdir()
    return Deployment(directory=guard / "deployed", upstream="http://127.0.0.1:1")


FLAGS = ["late_registration", "large_registration"]
PLACE = ("--directory", "egress", "--keys", "keys/egress.key")
SIGN = ("--key", "keys/own.pem", "--passphrase-file", "keys/own.passphrase")
IMPORT = (
    *("holdings", "import", "held.jsonl", "--subject", "id_no"),
    *("--config", "deployed/govshare.toml", *PLACE, *SIGN),
)
RELEASE = ("--receipt", "REC-1", "--resource", "R08", "--provider", "D-CAB", "--grant", "G01")


def run(directory: Path, *arguments: str) -> tuple[int, str]:
    command = (sys.executable, "-m", "govshare_policy.cli", "egress", *arguments)
    made = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    return made.returncode, made.stdout or made.stderr


def test_a_registered_file_is_recognised_in_another_and_own_data_are_not(guard: Path) -> None:
    code, said = run(guard, "register", "obtained.json", *RELEASE, "--subject", "id_no", *PLACE)
    assert (code, json.loads(said)["rows"]) == (0, len(PEOPLE))

    code, said = run(guard, "scan", "obtained.json", "own.json", *PLACE)
    obtained, own = json.loads(said)["files"]
    assert (code, obtained["outcome"], own["outcome"]) == (1, "deny", "pass")
    assert obtained["evidence"][0]["receipt"] == "REC-1"
    assert not any(row["id_no"] in said for row in PEOPLE)
    assert run(guard, "scan", "own.json", *PLACE)[0] == 0


@pytest.mark.usefixtures("deployed")
def test_what_the_department_held_before_is_its_own(guard: Path) -> None:
    code, said = run(guard, *IMPORT)
    assert (code, json.loads(said)["subjects"]) == (0, len(PEOPLE))
    held = ("--holdings-key", "keys/own.pub")
    code, said = run(
        guard, "register", "obtained.json", *RELEASE, "--subject", "id_no", *held, *PLACE
    )
    assert (code, json.loads(said)["kept"]) == (0, 0)

    assert run(guard, "scan", "obtained.json", *PLACE)[0] == 0
    code, said = run(guard, "holdings", "list", "--public", "keys/own.pub", *PLACE)
    assert (code, len(json.loads(said)["statements"])) == (0, 1)


def test_own_holdings_stand_in_the_log_before_they_count_and_late_or_large_ones_say_so(
    guard: Path, deployed: Deployment
) -> None:
    assert run(guard, *IMPORT)[0] == 0
    code, said = run(guard, *IMPORT, "--first-release", "2020-01-01")
    assert (code, json.loads(said)["events"]) == (0, FLAGS)

    first, second = [one for one in deployed.records() if one["phase"] == "admin"]
    assert {first["event"], second["event"]} == {"holdings_registered"}
    assert (first["flags"], second["flags"]) == ([], FLAGS)
    assert (second["number"], second["subjects"]) == (2, len(PEOPLE))
    assert not any(row["id_no"] in json.dumps([first, second]) for row in PEOPLE)
    deployed.verify()


def test_what_cannot_be_recorded_is_not_registered(guard: Path, deployed: Deployment) -> None:
    with deployed.start():
        assert run(guard, *IMPORT)[0] == 3
    assert run(guard, *IMPORT[:5], *PLACE, *SIGN)[0] == 2
    code, said = run(guard, "holdings", "list", "--public", "keys/own.pub", *PLACE)
    assert (code, json.loads(said)["statements"]) == (0, [])


def test_with_workers_own_holdings_stand_in_the_log_of_the_one_that_is_named(
    guard: Path, deployed: Deployment
) -> None:
    deployed.configure('data = "data"', 'workers = 2\ndata = "data"')
    assert run(guard, *IMPORT)[0] == 2

    assert run(guard, *IMPORT, "--worker", "1")[0] == 0
    records = [parse_record(data) for _, data in read_records(deployed.log / "w1")]
    assert [one["event"] for one in records if one["phase"] == "admin"] == ["holdings_registered"]


def test_an_approval_is_signed_and_listed(guard: Path) -> None:
    (guard / "egress").mkdir()
    of = ("--to", "archive.example:443", "--approver", "deputy", "--reason", "sealed")
    on = ("--directory", "egress")
    add = ("allow", "add", *of, "--until", "2099-01-01", *on, *SIGN)
    assert run(guard, *add, "--form", "encrypted")[0] == 0
    assert run(guard, *add, "--form", "whatever")[0] == 2

    code, said = run(guard, "allow", "list", *on, "--public", "keys/own.pub")
    assert (code, json.loads(said)["allowances"][0]["form"]) == (0, "encrypted")


def test_a_damaged_index_ends_the_command_with_3(guard: Path) -> None:
    assert run(guard, "register", "obtained.json", *RELEASE, *PLACE)[0] == 0
    for path in (guard / "egress" / "index-1").iterdir():
        path.write_bytes(path.read_bytes()[:-3] + b"xyz")

    assert run(guard, "scan", "own.json", *PLACE)[0] == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("register", "obtained.json", *RELEASE, "--subject", "nobody", *PLACE),
        ("register", "obtained.json", *RELEASE, "--soft", "maybe", *PLACE),
        ("register", "obtained.json", *RELEASE, "--lapses-on", "soon", *PLACE),
        ("scan", "missing.json", "--directory", "keys", "--keys", "keys/egress.key"),
    ],
    ids=["no such field", "no such strength", "no day", "no file"],
)
def test_bad_input_ends_with_2(guard: Path, arguments: tuple[str, ...]) -> None:
    assert run(guard, *arguments)[0] == 2


def sent(guard: Path) -> tuple[str, ...]:
    """Register what was obtained, and return a scan of a file of every kind."""
    assert run(guard, "register", "obtained.json", *RELEASE, "--subject", "id_no", *PLACE)[0] == 0
    (guard / "sealed.pdf").write_bytes(b"%PDF-1.7\n")
    (guard / "large.txt").write_bytes(b"a" * 20_000)
    files = ("obtained.json", "own.json", "sealed.pdf", "large.txt")
    return ("scan", *files, "--max-bytes", "19999", *PLACE, "-o", "table")


def test_a_table_names_receipts_and_fields_and_what_to_do_in_one_language(guard: Path) -> None:
    scan = sent(guard)
    words = {
        "zh": ("回执 REC-1", "不得外传", "字段 id_no、name", "无法检查", "调高上限"),
        "en": ("receipt REC-1", "may not be passed on", "fields id_no, name", "be read", "raise"),
    }
    allow = "govshare egress allow add --to HOST:PORT --form unknown_form"

    for lang, expected in words.items():
        code, said = run(guard, *scan, "--lang", lang)
        assert code == 1
        assert all(word in said for word in (*expected, "✓ own.json", allow, "--max-bytes"))
        assert any("\u4e00" <= character <= "\u9fff" for character in said) is (lang == "zh")
        assert not any(word in said for word in words["en" if lang == "zh" else "zh"])
        assert not any(row["id_no"] in said for row in PEOPLE)


def test_a_limit_can_be_raised(guard: Path) -> None:
    (guard / "egress").mkdir()
    (guard / "large.txt").write_bytes(b"own words " * 200)
    scan = ("scan", "large.txt", *PLACE, "--max-bytes")
    code, said = run(guard, *scan, "1999")
    assert (code, json.loads(said)["files"][0]["code"]) == (1, "too_large")

    assert run(guard, *scan, "2000")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "zh", "en"),
    [
        (("key", "keys/other.key"), "已生成", "made"),
        (("register", "obtained.json", *RELEASE, *PLACE), "已登记", "registered"),
        (
            (
                *("watermark", "obtained.json", "--decision", "D", "--keys", "keys/egress.key"),
                *("--by", "id_no", "--out", "marked.json"),
            ),
            "已标记",
            "marked",
        ),
    ],
    ids=["key", "register", "watermark"],
)
def test_a_command_speaks_the_language_it_is_asked_for(
    guard: Path, arguments: tuple[str, ...], zh: str, en: str
) -> None:
    code, said = run(guard, *arguments, "-o", "table", "--lang", "zh")
    assert code == 0, said
    assert said.startswith(f"{zh} · ")
    (guard / "keys" / "other.key").unlink(missing_ok=True)
    (guard / "marked.json").unlink(missing_ok=True)
    code, said = run(guard, *arguments, "-o", "table", "--lang", "en")
    assert code == 0, said
    assert said.startswith(f"{en} · ")
    assert not any("\u4e00" <= character <= "\u9fff" for character in said)
