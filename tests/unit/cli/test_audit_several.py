# SPDX-License-Identifier: Apache-2.0
"""``govshare audit verify`` over the logs of several workers."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govshare_policy.audit import AuditLog, trust_text
from govshare_policy.crypto import generate_key, open_signer
from tests.unit.cli.conftest import Command

ORIGIN = "qinglan/audit"
NAMES = ("w0", "w1", "w10")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logs of three workers, in one directory with what they share, and their trust files."""
    here = tmp_path_factory.mktemp("several")
    generate_key(here / "key.pem", b"secret")
    signer = open_signer(f"file:{here / 'key.pem'}", b"secret")
    for name in NAMES:
        origin = f"{ORIGIN}/{name}"
        (here / f"trust-{name}.toml").write_text(trust_text(origin, signer.public), "utf-8")
        AuditLog.create(
            here / "log" / name,
            origin=origin,
            signer=signer,
            now=lambda: datetime.now(UTC),
            preallocate=1024,
        ).close()
    (here / "log" / "quotas.sqlite").touch()
    (here / "log" / "lost+found").mkdir()
    return here


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(made, tmp_path / "own"))


def verify(here: Path, *names: str) -> list[str]:
    trusts = [("--trust", str(here / f"trust-{name}.toml")) for name in names or NAMES]
    options = [word for pair in trusts for word in pair]
    return ["audit", "verify", str(here / "log"), "--workers", "1", *options]


def test_all_logs_are_verified_one_line_each(govshare: Command, made: Path) -> None:
    """In the order of their numbers; each under its own trust file, in whichever order."""
    done = govshare(*verify(made, "w10", "w0", "w1"), "-o", "jsonl")
    assert done.code == 0
    assert [(row["log"], row["verified"]) for row in done.lines] == [(one, True) for one in NAMES]
    whole = govshare(*verify(made), "-o", "json").json
    assert (whole["verified"], len(whole["logs"])) == (True, 3)
    table = govshare(*verify(made), "-o", "table", "--lang", "zh").out.splitlines()
    assert len(table) == 3
    assert table[0].startswith(f"✓ w0  {ORIGIN}/w0  1 条记录")


def test_one_bad_log_is_exit_1_and_the_others_are_still_told(govshare: Command, own: Path) -> None:
    """The worst of them decides."""
    checkpoint = own / "log" / "w1" / "checkpoint"
    checkpoint.write_bytes(checkpoint.read_bytes().replace(b"govshare", b"govshara", 1)[:-9])
    done = govshare(*verify(own), "-o", "jsonl")
    assert done.code == 1
    assert [row["verified"] for row in done.lines] == [True, False, True]
    assert "✗ w1" in govshare(*verify(own), "-o", "table").out
    assert govshare(*verify(own), "-o", "json").json["verified"] is False


GONE = "there is no log of this name"


def test_a_log_that_is_gone_or_copied_or_that_nobody_vouches_for_is_exit_1(
    govshare: Command, own: Path
) -> None:
    """A trust file says that there is a log."""
    unknown = govshare(*verify(own, "w0", "w1"), "-o", "jsonl")
    assert (unknown.code, unknown.lines[2]["error"]) == (
        1,
        "none of the trust files is for this log",
    )
    (own / "log" / "w10" / "log.json").unlink()
    headless = govshare(*verify(own), "-o", "jsonl")
    assert (headless.code, headless.lines[2]["log"]) == (1, "w10")
    assert "`log.json` cannot be read" in headless.lines[2]["error"]
    shutil.rmtree(own / "log" / "w10")
    gone = govshare(*verify(own), "-o", "jsonl")
    assert (gone.code, gone.lines[-1]["origin"]) == (1, f"{ORIGIN}/w10")
    assert GONE in gone.lines[-1]["error"]
    assert f"✗ {ORIGIN}/w10" in govshare(*verify(own), "-o", "table").out
    shutil.copytree(own / "log" / "w0", own / "log" / "w10")
    copied = govshare(*verify(own), "-o", "jsonl")
    assert (copied.code, "the name of another log" in copied.lines[2]["error"]) == (1, True)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--range", "0:1"), "go with one log"),
        (("--known", "x"), "go with one log"),
        (("--archive", "x"), "go with one log"),
    ],
    ids=["range", "known", "archive"],
)
def test_what_is_said_of_one_log_is_not_said_of_several(
    more: tuple[str, str], said: str, govshare: Command, made: Path
) -> None:
    """It would be unclear of which."""
    done = govshare(*verify(made), *more)
    assert (done.code, said in done.err) == (2, True)


def test_trust_files_and_logs_have_to_go_together(govshare: Command, made: Path) -> None:
    """Two for one log are one too many, whether it stands alone or not."""
    twice = govshare(*verify(made, "w0", "w0", "w1"))
    assert (twice.code, "are for one log" in twice.err) == (2, True)
    words = verify(made, "w0", "w1")
    words[2] = str(made / "log" / "w0")
    alone = govshare(*words)
    assert (alone.code, "--trust is given once" in alone.err) == (2, True)
    assert govshare(*words[:-2]).code == 0
