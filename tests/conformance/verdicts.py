# SPDX-License-Identifier: Apache-2.0
"""Three verifiers that know nothing of each other, and the verdict of each in the same words."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from govshare_policy.audit import (
    Checkpoint,
    Receipt,
    TrustPolicy,
    parse_trust,
    verify_receipt,
)
from govshare_policy.audit.continuation import Continuation
from govshare_policy.errors import (
    ConfigError,
    ConsistencyError,
    InclusionError,
    SignatureError,
    VerificationError,
)

TOOLS = Path(__file__).parents[2] / "tools"
SINGLE_FILE = TOOLS / "verify_log.py"
SCRIPT = TOOLS / "verify_log.sh"
# The strictest POSIX shell there is, where it is there.
SHELL = shutil.which("dash") or "/bin/sh"
UNUSABLE = "unusable"


class Evidence(NamedTuple):
    """What somebody keeps, and may have changed.

    Attributes:
        kind: ``note``, ``receipt`` or ``continuation``.
        data: Its bytes.
        trust: The trust file.
        older: Of a continuation, the note that it continues.
    """

    kind: str
    data: bytes
    trust: str
    older: bytes = b""


def load_single_file() -> ModuleType:
    """Return tools/verify_log.py as a module."""
    spec = importlib.util.spec_from_file_location("verify_log", SINGLE_FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["verify_log"] = module
    spec.loader.exec_module(module)
    return module


def judge_by_library(evidence: Evidence) -> str:
    """Return ``good``, or what is wrong."""
    try:
        trust = parse_trust(evidence.trust)
    except ConfigError:
        return UNUSABLE
    if evidence.kind == "note":
        return _judge_note(evidence.data, trust)
    if evidence.kind == "receipt":
        return _judge_receipt(evidence.data, trust)
    return _judge_continuation(evidence, trust)


def _judge_note(data: bytes, trust: TrustPolicy) -> str:
    try:
        note = Checkpoint.from_note(data)
    except VerificationError:
        return "note"
    try:
        trust.verify_checkpoint(note)
        names = trust.cosigners(note)
    except VerificationError:
        return "signature"
    return "good" if len(names) >= trust.required else "witness"


def _judge_receipt(data: bytes, trust: TrustPolicy) -> str:
    try:
        receipt = Receipt.from_text(data.decode())
        Checkpoint.from_note(receipt.checkpoint)
    except (VerificationError, UnicodeDecodeError):
        return "receipt"
    try:
        verify_receipt(receipt, trust)
    except InclusionError:
        return "inclusion"
    except SignatureError as error:
        return "witness" if "required witnesses" in str(error) else "signature"
    except VerificationError:
        return "signature"
    return "good"


def _judge_continuation(evidence: Evidence, trust: TrustPolicy) -> str:
    try:
        continuation = Continuation.from_text(evidence.data.decode())
        Checkpoint.from_note(continuation.checkpoint)
    except (VerificationError, UnicodeDecodeError):
        return "proof"
    try:
        later = continuation.verify(Checkpoint.from_note(evidence.older))
        trust.verify_checkpoint(later)
        trust.cosigners(later)
    except ConsistencyError:
        return "consistency"
    except VerificationError:
        return "signature"
    return "good"


def judge_by_single_file(module: ModuleType, evidence: Evidence) -> str:
    """Return the same, from tools/verify_log.py."""
    try:
        trust = module.parse_trust(evidence.trust)
        if evidence.kind == "note":
            module.verify_witnessed(evidence.data, trust)
        elif evidence.kind == "receipt":
            module.verify_receipt(evidence.data, trust, [])
        else:
            older = module.verify_note(evidence.older, trust)
            module.verify_continuation(older, evidence.data, trust)
    except module.BadLogError as bad:
        return str(bad.code)
    except (module.MalformedError, ValueError):
        return UNUSABLE
    return "good"


def judge_by_script(directory: Path, evidence: Evidence) -> str:
    """Return the same, from tools/verify_log.sh; *directory* is for its files."""
    directory.mkdir(exist_ok=True)
    (directory / "trust.toml").write_text(evidence.trust, encoding="utf-8")
    (directory / "data").write_bytes(evidence.data)
    (directory / "older").write_bytes(evidence.older)
    words = {
        "note": ["checkpoint", "data"],
        "receipt": ["receipt", "data"],
        "continuation": ["consistency", "older", "data"],
    }[evidence.kind]
    done = subprocess.run(
        [SHELL, str(SCRIPT), *words, "--trust", "trust.toml"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        assert done.stdout.startswith("验证通过 verified · ")
        return "good"
    if done.returncode == 1:
        return done.stdout.removeprefix("验证不通过 does not verify · ").rstrip("\n")
    assert done.stderr.startswith("无法核验 cannot verify: ")
    return UNUSABLE
