# SPDX-License-Identifier: Apache-2.0
import stat
from pathlib import Path

import pytest

from govshare_policy.audit import load_trust
from govshare_policy.crypto import load_public_key, open_signer
from tests.unit.cli.conftest import Command, Done

SECRET = "correct-horse-battery-9"  # noqa: S105  a passphrase that must never be repeated


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(f"{SECRET}\na second line is no part of it\n", "utf-8")
    return path


def generate(govshare: Command, path: Path, *more: object) -> Done:
    return govshare("keys", "generate", path, *more)


def everything_written(directory: Path, done: Done) -> str:
    files = [path.read_text("utf-8") for path in directory.iterdir() if path.name != "passphrase"]
    return "\n".join([done.out, done.err, *files])


def test_a_key_is_made_encrypted_and_its_public_half_beside_it(
    govshare: Command, passphrase: Path, tmp_path: Path
) -> None:
    path = tmp_path / "audit.pem"

    done = generate(govshare, path, "--passphrase-file", passphrase)

    signer = open_signer(f"file:{path}", SECRET.encode())
    public = load_public_key(tmp_path / "audit.pem.pub")
    assert (done.code, done.err) == (0, "")
    assert signer.public.fingerprint == public.fingerprint
    assert done.json["fingerprint"] == f"sm3:{public.fingerprint.hex()}"
    assert done.json["pem"] == (tmp_path / "audit.pem.pub").read_text("ascii")
    assert done.json["private"] == str(path)
    assert path.read_text("ascii").startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("output", ["json", "jsonl", "table"])
def test_the_passphrase_is_never_written_anywhere(
    output: str, govshare: Command, passphrase: Path, tmp_path: Path
) -> None:
    done = generate(govshare, tmp_path / "k.pem", "--passphrase-file", passphrase, "-o", output)
    again = generate(govshare, tmp_path / "k.pem", "--passphrase-file", passphrase, "-o", output)

    assert (done.code, again.code) == (0, 2)
    assert SECRET not in everything_written(tmp_path, done)
    assert SECRET not in everything_written(tmp_path, again)
    assert "-----BEGIN PRIVATE KEY-----" not in everything_written(tmp_path, done)


def test_the_passphrase_may_come_from_the_environment(
    govshare: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOVSHARE_PASSPHRASE", SECRET)

    done = generate(govshare, tmp_path / "k.pem")

    assert done.code == 0
    open_signer(f"file:{tmp_path / 'k.pem'}", SECRET.encode())
    assert SECRET not in everything_written(tmp_path, done)


def test_a_passphrase_of_bytes_that_are_no_text_is_taken_as_it_is(
    govshare: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = b"\xff\xfe-correct-horse"
    monkeypatch.setenv("GOVSHARE_PASSPHRASE", raw.decode("utf-8", "surrogateescape"))
    (tmp_path / "raw").write_bytes(raw + b"\r\n")

    assert generate(govshare, tmp_path / "a.pem").code == 0
    assert generate(govshare, tmp_path / "b.pem", "--passphrase-file", tmp_path / "raw").code == 0
    open_signer(f"file:{tmp_path / 'a.pem'}", raw)
    open_signer(f"file:{tmp_path / 'b.pem'}", raw)


def test_the_file_comes_before_the_environment(
    govshare: Command, passphrase: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOVSHARE_PASSPHRASE", "another-passphrase")

    generate(govshare, tmp_path / "k.pem", "--passphrase-file", passphrase)

    open_signer(f"file:{tmp_path / 'k.pem'}", SECRET.encode())


def test_without_a_passphrase_no_key_is_made(govshare: Command, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_bytes(b"\nonly the first line counts\n")

    nothing = generate(govshare, tmp_path / "k.pem")
    nowhere = generate(govshare, tmp_path / "k.pem", "--passphrase-file", tmp_path / "nowhere")
    blank = generate(govshare, tmp_path / "k.pem", "--passphrase-file", empty)

    assert (nothing.code, nowhere.code, blank.code) == (2, 2, 2)
    assert nothing.err == (
        "govshare: give a passphrase with --passphrase-file or $GOVSHARE_PASSPHRASE\n"
    )
    assert nowhere.err == (
        "govshare: the passphrase file cannot be read (No such file or directory); check the path\n"
    )
    assert blank.err == "govshare: the passphrase is empty; choose one\n"
    assert not (tmp_path / "k.pem").exists()


@pytest.mark.parametrize("there", ["k.pem", "k.pem.pub"])
def test_a_key_is_never_written_over(
    there: str, govshare: Command, passphrase: Path, tmp_path: Path
) -> None:
    (tmp_path / there).write_text("precious", "utf-8")

    done = generate(govshare, tmp_path / "k.pem", "--passphrase-file", passphrase)

    assert (done.code, done.out) == (2, "")
    assert (tmp_path / there).read_text("utf-8") == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([there, "passphrase"])


def test_a_key_in_a_directory_that_is_not_there_is_exit_2(
    govshare: Command, passphrase: Path, tmp_path: Path
) -> None:
    done = generate(govshare, tmp_path / "no" / "k.pem", "--passphrase-file", passphrase)

    assert (done.code, done.out) == (2, "")
    assert "no such file or directory" in done.err


@pytest.fixture
def made(govshare: Command, passphrase: Path, tmp_path: Path) -> Path:
    path = tmp_path / "audit.pem"
    assert generate(govshare, path, "--passphrase-file", passphrase).code == 0
    return path


def test_show_gives_the_fingerprint_of_a_public_key(govshare: Command, made: Path) -> None:
    public = made.with_name("audit.pem.pub")

    done = govshare("keys", "show", public)
    table = govshare("keys", "show", public, "-o", "table")

    fingerprint = load_public_key(public).fingerprint.hex()
    assert (done.code, done.json["fingerprint"]) == (0, f"sm3:{fingerprint}")
    assert done.json["algorithm"] == "SM2"
    assert f"fingerprint  sm3:{fingerprint}" in table.out
    assert table.out.endswith(public.read_text("ascii"))


def test_show_writes_a_trust_file_that_can_be_loaded(
    govshare: Command, made: Path, tmp_path: Path
) -> None:
    done = govshare("keys", "show", made.with_name("audit.pem.pub"), "--origin", "qinglan/audit")

    (tmp_path / "trust.toml").write_text(done.out, "utf-8")
    policy = load_trust(tmp_path / "trust.toml")
    assert (done.code, policy.origin, len(policy.keys)) == (0, "qinglan/audit", 1)


@pytest.mark.parametrize("origin", ["a b", "a+b", "日志", "x" * 256, 'a"\nb'])
def test_an_origin_that_is_no_name_is_exit_2(origin: str, govshare: Command, made: Path) -> None:
    done = govshare("keys", "show", made.with_name("audit.pem.pub"), "--origin", origin)

    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1


def test_show_of_a_private_key_shows_nothing_of_it(govshare: Command, made: Path) -> None:
    done = govshare("keys", "show", made)

    assert (done.code, done.out) == (2, "")
    assert made.read_text("ascii").splitlines()[1][:20] not in done.err


def test_the_program_makes_and_shows_a_key(program: Command, tmp_path: Path) -> None:
    path = tmp_path / "k.pem"

    made = program("keys", "generate", path, environment={"GOVSHARE_PASSPHRASE": SECRET})
    shown = program("keys", "show", tmp_path / "k.pem.pub")
    nothing = program("keys", "generate", tmp_path / "other.pem")

    assert (made.code, shown.code, nothing.code) == (0, 0, 2)
    assert made.json["fingerprint"] == shown.json["fingerprint"]
    assert SECRET not in everything_written(tmp_path, made)
