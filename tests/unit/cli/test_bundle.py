# SPDX-License-Identifier: Apache-2.0
import getpass
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.cli.bundle import bundle_app
from govshare_policy.crypto import generate_key
from govshare_policy.errors import CallError, ConfigError, VerificationError
from tests.county import COUNTY

Run = Callable[..., Any]
BUILD = ("--profile", "hubei", "--data", str(COUNTY), "--precedence", "strictest")
CREATED = ("--created", "2026-01-05T09:00:00+08:00")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("keys")
    (directory / "passphrase").write_text("correct horse\nmore\n", encoding="utf-8")
    for name in ("policy", "other"):
        public = generate_key(directory / f"{name}.pem", b"correct horse")
        (directory / f"{name}.pub").write_bytes(public.to_pem())
    return directory


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``govshare policy bundle`` and return its exit code and JSON."""

    def run(*arguments: object) -> tuple[int, dict[str, Any]]:
        code = bundle_app([str(one) for one in arguments], standalone_mode=False)
        return code or 0, json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def made(tmp_path: Path, run: Run, keys: Path) -> Path:
    run("build", tmp_path / "b", *BUILD, *CREATED)
    run(
        "sign",
        tmp_path / "b",
        "--key",
        keys / "policy.pem",
        "--passphrase-file",
        keys / "passphrase",
    )
    return tmp_path / "b"


def test_a_bundle_is_made_signed_and_verified(tmp_path: Path, run: Run, keys: Path) -> None:
    """The three commands say the same revision, and the last who signed."""
    code, built = run("build", tmp_path / "b", *BUILD, *CREATED)
    assert (code, built["precedence"], built["created"]) == (
        0,
        "strictest",
        "2026-01-05T01:00:00.000000Z",
    )

    sign = ("--key", keys / "policy.pem", "--passphrase-file", keys / "passphrase")
    code, signed = run("sign", tmp_path / "b", *sign)
    assert (code, signed["revision"]) == (0, built["revision"])

    code, verified = run("verify", tmp_path / "b", "--key", keys / "policy.pub")
    assert (code, verified["verified"], verified["revision"]) == (0, True, built["revision"])
    assert verified["key_fingerprint"] == signed["key_fingerprint"]
    assert verified["files"] == built["files"]


def test_a_bundle_that_does_not_verify_exits_1_and_names_the_file(
    made: Path, run: Run, keys: Path
) -> None:
    """The answer is no, and says where."""
    shutil.copyfile(made / "data" / "systems.tsv", made / "data" / "roles.tsv")

    code, document = run("verify", made, "--key", keys / "policy.pub")
    assert (code, document["verified"]) == (1, False)
    assert "`data/roles.tsv`" in document["error"]


def test_another_key_or_an_older_bundle_exits_1(made: Path, run: Run, keys: Path) -> None:
    """Who may sign, and since when, comes from outside the bundle."""
    code, _ = run("verify", made, "--key", keys / "other.pub")
    assert code == 1

    for instant, wanted in (("2026-01-05T01:00:00Z", 0), ("2026-01-05T01:00:01Z", 1)):
        code, _ = run("verify", made, "--key", keys / "policy.pub", "--not-before", instant)
        assert code == wanted


@pytest.mark.parametrize(
    "instant", ["2026-01-05", "2026-01-05T09:00:00", "soon", "2026-02-30T00:00Z"]
)
def test_an_instant_has_an_offset(instant: str, tmp_path: Path, run: Run) -> None:
    """A time without a zone is a guess."""
    with pytest.raises(CallError, match="--created takes an instant with an offset"):
        run("build", tmp_path / "b", *BUILD, "--created", instant)
    assert not (tmp_path / "b").exists()


def test_only_what_verifies_is_signed(made: Path, run: Run, keys: Path) -> None:
    """Signing says where the bundle is not what its manifest says."""
    (made / "data" / "x.tsv").touch()

    with pytest.raises(VerificationError, match=r"`data/x\.tsv`"):
        run("sign", made, "--key", keys / "policy.pem", "--passphrase-file", keys / "passphrase")


def test_the_passphrase_comes_from_the_environment(
    made: Path, run: Run, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for all keys."""
    monkeypatch.setenv("GOVSHARE_PASSPHRASE", "correct horse")

    assert run("sign", made, "--key", keys / "policy.pem")[0] == 0


def test_the_passphrase_is_asked_for_on_a_terminal(
    made: Path, run: Run, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an echo, and once: a wrong one signs nothing."""
    monkeypatch.delenv("GOVSHARE_PASSPHRASE", raising=False)
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda _: "correct horse")

    assert run("sign", made, "--key", keys / "policy.pem")[0] == 0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_passphrase_nothing_is_signed(
    made: Path, run: Run, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence says where to give it."""
    monkeypatch.delenv("GOVSHARE_PASSPHRASE", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    with pytest.raises(ConfigError, match="--passphrase-file"):
        run("sign", made, "--key", keys / "policy.pem")
    with pytest.raises(ConfigError, match="cannot be read"):
        run("sign", made, "--key", keys / "policy.pem", "--passphrase-file", keys / "none")


@pytest.mark.parametrize(
    ("lang", "good", "bad"),
    [("zh", "✓ 验证通过", "✗ 验证不通过"), ("en", "✓ verified", "✗ does not verify")],
)
def test_a_table_says_it_in_both_languages(
    lang: str, good: str, bad: str, made: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For whoever reads it on a terminal."""
    arguments = ["verify", str(made), "--key", str(keys / "policy.pub"), "--output", "table"]
    capsys.readouterr()
    bundle_app([*arguments, "--lang", lang], standalone_mode=False)
    shown = capsys.readouterr().out
    assert good in shown
    assert "hubei" in shown

    (made / "manifest.sig").unlink()
    assert bundle_app([*arguments, "--lang", lang], standalone_mode=False) == 1
    assert bad in capsys.readouterr().out
