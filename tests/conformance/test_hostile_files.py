# SPDX-License-Identifier: Apache-2.0
"""What a medium may be made to hold against those who read it: names, sizes, kinds of files."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from govshare_policy.audit import Checkpoint, TrustKey, load_trust, verify_log
from govshare_policy.audit.checkpoint import sign_checkpoint
from govshare_policy.audit.trustfile import format_trust
from tests.conformance.court import TIME, Kit
from tests.conformance.example import run, script


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"\x1b[2J\x1b]0;verified\x07", r"`\x1b[2J\x1b]0;verified\x07` is no part"),
        ("\x9b2J".encode(), r"`\x9b2J` is no part"),
        ("a\u202egol\u2066".encode(), r"`a\u202egol\u2066` is no part"),
        (b"a\nb", r"`a\nb` is no part"),
        (b"\xff\xfe", r"`\udcff\udcfe` is no part"),
        ("审计".encode(), "`审计` is no part"),
    ],
    ids=["escapes", "C1", "turned around", "a newline", "no UTF-8", "Chinese"],
)
def test_a_name_on_the_medium_is_shown_and_not_obeyed(
    example: Path, name: bytes, shown: str
) -> None:
    """By the single file, on one line, with the verdict that it would give otherwise."""
    Path(os.fsdecode(os.fsencode(example / "log") + b"/" + name)).touch()

    code, line, _ = run(example, "log")

    assert (code, shown in line, line.count("\n")) == (0, True, 1)
    assert run(example, "log", "--json")[0] == 0


def test_a_stray_segment_with_such_a_name_is_a_verdict(example: Path) -> None:
    """And no crash."""
    Path(os.fsdecode(os.fsencode(example / "log" / "seg") + b"/\xff\x1b")).touch()

    code, line, _ = run(example, "log")

    assert (code, r"stray · seg/\udcff\x1b at" in line) == (1, True)


def test_a_kept_receipt_has_to_verify_itself(example: Path) -> None:
    """Its checkpoint alone would prove nothing about the record that it is shown with."""
    receipt = example / "receipt.txt"
    assert run(example, "log", "--known", "receipt.txt")[0] == 0
    data = receipt.read_bytes()
    receipt.write_bytes(data.replace(b"index 1", b"index 2"))

    code, said, sentence = run(example, "log", "--known", "receipt.txt")

    assert (code, said) == (2, "")
    assert "inclusion" in sentence


@pytest.mark.parametrize("kind", ["fifo", "device", "large"])
def test_only_small_regular_files_are_read(example: Path, kind: str) -> None:
    """Anything else would hold the program up, or fill its memory."""
    for name in ("trust.toml", "receipt.txt"):
        path = example / name
        kept = path.read_bytes()
        path.unlink()
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "device":
            path.symlink_to("/dev/zero")
        else:
            path.write_bytes(kept + b"\n" * (1 << 20))

        assert run(example, "--receipt", "receipt.txt")[0] == 2
        assert run(example, "log", "--known", "receipt.txt")[0] == 2
        assert script(example, "receipt", "receipt.txt")[0] == 2
        path.unlink()
        path.write_bytes(kept)


@pytest.mark.parametrize("kind", ["fifo", "device", "directory"])
@pytest.mark.parametrize("name", ["checkpoint", "log.json", "seg/00000000000000000000.seg"])
def test_a_log_whose_files_are_none_gets_no_verdict(example: Path, name: str, kind: str) -> None:
    """From nobody who reads that file, and nobody waits for a pipe that nobody writes to."""
    path = example / "log" / name
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()

    assert run(example, "log")[:2] == (2, "")
    with pytest.raises(OSError, match=r".") as caught:
        verify_log(example / "log", load_trust(example / "trust.toml"))
    assert not isinstance(caught.value, FileNotFoundError)
    if name != "log.json":
        assert script(example, "consistency", "first", "log")[0] == 2
    if name == "checkpoint":
        assert script(example, "checkpoint", "log")[0] == 2


def test_a_log_whose_segments_are_in_a_file_gets_no_verdict(example: Path) -> None:
    shutil.rmtree(example / "log" / "seg")
    (example / "log" / "seg").touch()

    assert run(example, "log")[:2] == (2, "")
    with pytest.raises(NotADirectoryError):
        verify_log(example / "log", load_trust(example / "trust.toml"))


def test_the_script_asks_a_directory_for_its_witnesses(example: Path, kit: Kit) -> None:
    """Those of the newest checkpoint count; an earlier one is for whoever reads the records."""
    trust = load_trust(example / "trust.toml")
    seen = TrustKey(name="witness", public=kit.witness.public)
    text = format_trust(replace(trust, witnesses=(seen,), required=1))
    (example / "trust.toml").write_text(text, encoding="utf-8")
    (example / "log" / "witness").mkdir()
    place = example / "log" / "witness" / "witness"

    def told(note: bytes) -> tuple[int, int]:
        place.write_bytes(note)
        return script(example, "checkpoint", "log")[0], run(example, "log")[0]

    def cosign(path: Path) -> bytes:
        made = Checkpoint.from_note(path.read_bytes())
        return sign_checkpoint(made, kit.witness, name="witness", time=TIME).to_note()

    newest, earlier = cosign(example / "log" / "checkpoint"), cosign(example / "first")

    assert script(example, "checkpoint", "log") == (
        1,
        "验证不通过 does not verify · witness\n",
    )
    assert told((example / "log" / "checkpoint").read_bytes()) == (1, 1)
    assert told(newest) == (0, 0)
    assert "见证人 witnesses: witness ·" in script(example, "checkpoint", "log")[1]
    assert told(earlier) == (2, 0)
    assert told(newest[:-9] + newest[-5:]) == (1, 1)
    place.unlink()
    (example / "log" / "checkpoint").write_bytes(newest)
    assert script(example, "checkpoint", "log")[0] == 0
