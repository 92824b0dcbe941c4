# SPDX-License-Identifier: Apache-2.0
"""The specification is enough: its example verifies by two programs that know nothing of ours."""

import ast
import json
import sys
from pathlib import Path

import pytest

from govshare_policy.audit import Receipt, load_trust, verify_log, verify_receipt
from tests.conformance.example import KEY, SEGMENT, run, script
from tests.conformance.verdicts import SINGLE_FILE, load_single_file

# Makes OpenSSL's SM3 unknown before the program starts.
WITHOUT_SM3 = """
import hashlib, runpy, sys
real = hashlib.new
def new(name, data=b""):
    if name == "sm3":
        raise ValueError("unsupported hash type")
    return real(name, data)
hashlib.new = new
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_the_single_file_needs_python_3_8_and_nothing_else() -> None:
    """It imports the standard library, and is written in what Python 3.8 understands."""
    tree = ast.parse(SINGLE_FILE.read_text(encoding="utf-8"), feature_version=(3, 8))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    names |= {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_the_example_of_the_specification_verifies(example: Path) -> None:
    """By the library, by the single file and, as far as it goes, by the script."""
    trust = load_trust(example / "trust.toml")
    verdict = verify_log(example / "log", trust)
    verify_receipt(Receipt.from_text((example / "receipt.txt").read_text(encoding="utf-8")), trust)
    said = f"log `audit.example/fengqiu-1`: 3 records, 2 checkpoints · {KEY}\n"

    assert (verdict.size, verdict.checkpoints, verdict.warnings) == (3, 2, ())
    assert run(example, "log") == (0, f"验证通过 verified · 日志 {said}", "")
    code, line, _ = run(example, "log", "--receipt", "receipt.txt", "--known", "first")
    assert (code, line) == (0, f"验证通过 verified · 回执 receipt: record 1 of 3 · 日志 {said}")
    for words in (("receipt", "receipt.txt"), ("checkpoint", "log")):
        code, line = script(example, *words)
        assert (code, line.endswith(f" · {KEY}\n")) == (0, True)
    assert script(example, "consistency", "first", "log")[0] == 0


def test_a_verdict_is_also_to_be_had_in_json(example: Path) -> None:
    """With the words of `govshare audit verify`."""
    code, good, _ = run(example, "log", "--json")
    segment = example / SEGMENT
    segment.write_bytes(segment.read_bytes().replace(b"deny", b"fine"))
    failed, bad, _ = run(example, "log", "--json")

    verdict = json.loads(good)
    assert (code, verdict["verified"], verdict["size"]) == (0, True, 3)
    assert verdict["first_time"] == "2026-01-05T01:02:03.000000Z"
    assert failed == 1
    assert json.loads(bad) == {
        "verified": False,
        "kind": "frame",
        "file": "seg/00000000000000000000.seg",
        "offset": 678,
        "first_bad_record": 1,
    }


def test_the_single_file_says_what_is_wrong(example: Path) -> None:
    """Code, file, offset and record on one line, and exit 1."""
    segment = example / SEGMENT
    segment.write_bytes(segment.read_bytes().replace(b"deny", b"fine"))

    code, line, _ = run(example, "log")

    assert code == 1
    assert line == (
        "验证不通过 does not verify · frame · seg/00000000000000000000.seg at byte 678 · "
        "首条不可信记录 first bad record 1\n"
    )


@pytest.mark.parametrize(
    "words",
    [["nowhere"], ["--receipt", "nowhere"], [], ["log", "--continued", "first"], ["log", "--what"]],
    ids=["no log", "no receipt", "nothing", "half a question", "an unknown option"],
)
def test_what_cannot_be_told_is_neither_good_nor_bad(example: Path, words: list[str]) -> None:
    """Exit 2, and a sentence."""
    code, said, sentence = run(example, *words)

    assert (code, said) == (2, "")
    assert sentence


def test_a_checkpoint_kept_elsewhere_has_to_be_trusted_and_reached(example: Path) -> None:
    """Step 6: an untrusted one is no evidence, one that is ahead shows that the log is short."""
    note = (example / "first").read_bytes()
    (example / "forged").write_bytes(note.replace(b"\n1\n", b"\n2\n"))
    assert run(example, "log", "--known", "forged")[0] == 2
    last = (example / "log" / "checkpoint").read_bytes()
    (example / "last").write_bytes(last)
    (example / "log" / "checkpoint").write_bytes(note)
    segment = example / SEGMENT
    segment.write_bytes(segment.read_bytes()[:678])

    assert run(example, "log")[0] == 0
    code, line, _ = run(example, "log", "--known", "last")
    assert (code, line.split(" · ")[1]) == (1, "short")
    assert script(example, "consistency", "last", "log") == (
        1,
        "验证不通过 does not verify · short\n",
    )


def test_without_openssls_sm3_the_verdict_is_the_same(example: Path) -> None:
    """Some systems build OpenSSL without it; then the file's own is slower."""
    start = ("-I", "-c", WITHOUT_SM3)
    assert run(example, "log", start=start) == run(example, "log")
    segment = example / SEGMENT
    segment.write_bytes(segment.read_bytes().replace(b"deny", b"fine"))

    assert run(example, "log", start=start) == run(example, "log")


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 119, 1000])
def test_its_own_sm3_is_sm3(size: int) -> None:
    """At every length where the padding changes; OpenSSL's is the other witness."""
    module = load_single_file()
    data = bytes(number * 7 % 256 for number in range(size))
    halves = module.OwnSm3(data[: size // 3])
    halves.update(data[size // 3 :])

    assert halves.digest() == module.OwnSm3(data).digest() == module.sm3(data)


GROWN = """
[witnesses]
required = 1

[[witness]]
name = "witness \\\\"
from = 0
"""


def test_its_own_toml_is_toml(example: Path) -> None:
    """Where Python has no TOML: the same values for what trust files hold."""
    module = load_single_file()
    text = (example / "trust.toml").read_text(encoding="utf-8")
    for document in (text, text + GROWN, text.replace("\n", "\r\n"), "# nothing\n", "a = 7\n"):
        assert module.parse_toml(document) == module.tomllib.loads(document)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a = ",
        "a = b",
        "a = 'b'",
        'a = "b',
        'a = "\\n"',
        "a = -1",
        "a = 01",
        "a = 1.5",
        "a = [1]",
        "a = 1 # why",
        "# \0",
        "# \x1b[2J",
        "# a\rb",
        "a = 1\na = 2",
        "a.b = 1",
        '"a" = 1',
        "[a",
        "[a]]",
        "[a]\n[a]",
        "[a]\n[[a]]",
        'a = """',
        'a = """x"""',
        'a = """\nx\\\n"""',
        'a = """\n"\n"""',
    ],
)
def test_what_its_own_toml_does_not_know_it_refuses(text: str) -> None:
    """It may be a condition."""
    module = load_single_file()
    with pytest.raises(module.MalformedError):
        module.parse_toml(text)


def test_the_script_hashes_a_small_log(example: Path) -> None:
    """Without a proof: an edited record gives another root, a cut log fewer records."""
    log = example / SEGMENT
    whole = log.read_bytes()
    log.write_bytes(whole.replace(b"deny", b"fine"))
    assert script(example, "consistency", "first", "log") == (
        1,
        "验证不通过 does not verify · fork\n",
    )
    log.write_bytes(whole[:824])

    assert script(example, "consistency", "first", "log") == (
        1,
        "验证不通过 does not verify · short\n",
    )


@pytest.mark.parametrize(
    "words",
    [
        ["receipt", "nowhere"],
        ["receipt"],
        ["judge", "receipt.txt"],
        ["consistency", "first"],
        ["checkpoint", "first", "first"],
    ],
    ids=["no file", "no word", "another command", "half a question", "a word too many"],
)
def test_what_the_script_cannot_tell_is_neither_good_nor_bad(
    example: Path, words: list[str]
) -> None:
    """Exit 2, and a sentence."""
    code, said = script(example, *words)

    assert code == 2
    assert said.startswith("无法核验 cannot verify: ")
