# SPDX-License-Identifier: Apache-2.0
"""What verifying a log comes to, as a document."""

from govshare_policy.audit import LogDamageError, Verdict, format_time
from govshare_policy.audit.cosign import Witnessed
from govshare_policy.errors import VerificationError


def verdict_document(verdict: Verdict) -> dict[str, object]:
    """Return what a log verified as, ready for JSON."""
    document: dict[str, object] = {
        "verified": True,
        "origin": verdict.origin,
        "size": verdict.size,
        "root": verdict.root.hex(),
        "checkpoints": verdict.checkpoints,
        "segments": verdict.segments,
        "first_time": format_time(verdict.first_time),
        "last_time": format_time(verdict.last_time),
        "key_fingerprints": fingerprints(verdict.key_fingerprints),
    }
    if verdict.unread:
        document["unread"] = [list(stretch) for stretch in verdict.unread]
    return document | witnessed_document(verdict.witnessed) | {"warnings": list(verdict.warnings)}


def failure_document(error: VerificationError) -> dict[str, object]:
    """Return why a log does not verify, ready for JSON."""
    document: dict[str, object] = {"verified": False, "error": str(error)}
    if isinstance(error, LogDamageError):
        document |= {
            "kind": error.kind.value,
            "file": error.part.file,
            "offset": error.part.offset,
            "first_bad_record": error.index,
        }
    return document


def witnessed_document(witnessed: Witnessed | None) -> dict[str, object]:
    """Return how far witnesses have seen the log, if any has to."""
    if witnessed is None:
        return {}
    return {"witnessed_size": witnessed.size, "witnesses": list(witnessed.names)}


def fingerprints(prints: tuple[bytes, ...]) -> list[str]:
    """Return fingerprints of keys as they are shown."""
    return [f"sm3:{one.hex()}" for one in prints]
