# SPDX-License-Identifier: Apache-2.0
"""Receipts and continuations, right and wrong: one verdict by all three verifiers."""

import base64
import re
from dataclasses import replace

from govshare_policy.audit import prove_consistency, root_hash
from govshare_policy.audit.checkpoint import sign_checkpoint
from govshare_policy.audit.continuation import Continuation
from tests.conformance.court import (
    LEAVES,
    NEW,
    OLD,
    ORIGIN,
    TIME,
    Change,
    Court,
    Kit,
    checkpoint,
    evidence,
    swap,
)
from tests.conformance.verdicts import Evidence


def hash_line(data: bytes) -> bytes:
    return base64.b64encode(data) + b"\n"


def proof_lines(text: bytes) -> list[bytes]:
    """Return the lines of hashes, with their newlines."""
    return [found + b"\n" for found in re.findall(rb"(?m)^[A-Za-z0-9+/]{43}=$", text)[:-1]]


RECEIPTS: dict[str, tuple[Change, str]] = {
    "another format": (swap(b"receipt/v1", b"receipt/v2"), "receipt"),
    "a space before the format": (lambda r: b" " + r, "receipt"),
    "no empty line": (lambda r: r.replace(b"\n\n", b"\n", 1), "receipt"),
    "no record": (swap(b"record ", b"rekord "), "receipt"),
    "an empty record": (lambda r: re.sub(rb"record [^\n]*", b"record ", r), "inclusion"),
    "an edited record": (swap(b'"n":5', b'"n":6'), "inclusion"),
    "a record with a NUL": (swap(b'"n":5', b'"n":5\0'), "inclusion"),
    "a record that is no UTF-8": (swap("用".encode(), b"\xff\xfe"), "receipt"),
    "an overlong character": (swap("用".encode(), b"\xc0\xaf"), "receipt"),
    "half a surrogate pair": (swap("用".encode(), b"\xed\xa0\x80"), "receipt"),
    "beyond Unicode": (swap("用".encode(), b"\xf4\x90\x80\x80"), "receipt"),
    "a character of four bytes": (swap("用".encode(), "𠀀".encode()), "inclusion"),
    "no index": (swap(b"index ", b""), "receipt"),
    "an index with a zero": (swap(b"index 5", b"index 05"), "receipt"),
    "a negative index": (swap(b"index 5", b"index -5"), "receipt"),
    "an index that is none": (swap(b"index 5", b"index five"), "receipt"),
    "an index with a carriage return": (swap(b"index 5", b"index 5\r"), "receipt"),
    "another index": (swap(b"index 5", b"index 4"), "inclusion"),
    "the index of another subtree": (swap(b"index 5", b"index 12"), "inclusion"),
    "an index outside": (swap(b"index 5", b"index 13"), "inclusion"),
    "an index beyond 2^63": (swap(b"index 5", b"index 9999999999999999999"), "inclusion"),
    "an endless index": (swap(b"index 5", b"index " + b"9" * 30), "receipt"),
    "a proof that is no base64": (swap(b"index 5\n", b"index 5\n?\n"), "receipt"),
    "a hash of 31 bytes": (swap(b"index 5\n", b"index 5\n" + hash_line(bytes(31))), "receipt"),
    "a hash of 33 bytes": (swap(b"index 5\n", b"index 5\n" + hash_line(bytes(33))), "receipt"),
    "a hash too many": (swap(b"index 5\n", b"index 5\n" + hash_line(bytes(32))), "inclusion"),
    "a hash too many behind": (swap(b"\n\n", b"\n" + hash_line(bytes(32)) + b"\n"), "inclusion"),
    "a hash missing": (lambda r: r.replace(proof_lines(r)[0], b"", 1), "inclusion"),
    "the last hash missing": (lambda r: r.replace(proof_lines(r)[-1], b"", 1), "inclusion"),
    "no hashes": (lambda r: r.replace(b"".join(proof_lines(r)), b"", 1), "inclusion"),
    "two hashes swapped": (
        lambda r: r.replace(
            b"".join(proof_lines(r)[:2]), b"".join(reversed(proof_lines(r)[:2])), 1
        ),
        "inclusion",
    ),
    "63 hashes": (
        lambda r: r.replace(b"".join(proof_lines(r)), hash_line(bytes(32)) * 63, 1),
        "inclusion",
    ),
    "64 hashes": (
        lambda r: r.replace(b"".join(proof_lines(r)), hash_line(bytes(32)) * 64, 1),
        "receipt",
    ),
    "a note with another size": (swap(b"\n13\n", b"\n14\n"), "signature"),
    "a note that is none": (swap(b"\n13\n", b"\n13 \n"), "receipt"),
    "no note": (lambda r: r[: r.index(b"\n\n") + 2], "receipt"),
    "nothing": (lambda _: b"", "receipt"),
}


def test_receipts_have_one_form_for_all(court: Court, kit: Kit) -> None:
    """T11, inclusion."""
    cases = [evidence(kit, "receipt", change(kit.receipt)) for change, _ in RECEIPTS.values()]

    verdicts = court.try_all(cases)

    expected = {name: verdict for name, (_, verdict) in RECEIPTS.items()}
    assert dict(zip(RECEIPTS, verdicts, strict=True)) == expected


def continued(kit: Kit, old: int, new: int, **changes: object) -> Evidence:
    """Return a continuation from *old* to *new*, both signed."""
    made = Continuation(
        old_size=old,
        proof=prove_consistency(LEAVES[:new], old) if 0 < old <= new else (),
        checkpoint=checkpoint(new, kit.log).to_note(),
    )
    data = replace(made, **changes).to_text().encode()  # type: ignore[arg-type]
    older = checkpoint(old, kit.log).to_note()
    return Evidence(kind="continuation", data=data, trust=kit.trust, older=older)


def test_proofs_between_all_sizes_are_accepted_by_all(court: Court, kit: Kit) -> None:
    """T11, consistency: equal sizes and powers of two among them."""
    pairs = [(1, 1), (1, 2), (1, 13), (2, 3), (4, 13), (7, 7), (7, 8), (8, 9), (8, 13), (12, 13)]

    verdicts = court.try_all([continued(kit, old, new) for old, new in pairs])

    assert verdicts == ["good"] * len(pairs)


def test_wrong_proofs_between_two_sizes_are_refused_by_all(court: Court, kit: Kit) -> None:
    """T11 and T6: too short, too long, of other sizes, of another future."""
    path = prove_consistency(LEAVES, OLD)
    fork = replace(checkpoint(NEW), root=root_hash([*LEAVES[:-1], LEAVES[0]]))
    signed = sign_checkpoint(fork, kit.log, name=ORIGIN, time=TIME).to_note()
    changed = kit.continuation.replace
    cases = [
        continued(kit, OLD, NEW, proof=path[1:]),
        continued(kit, OLD, NEW, proof=path[:-1]),
        continued(kit, OLD, NEW, proof=()),
        continued(kit, OLD, NEW, proof=(*path, bytes(32))),
        continued(kit, OLD, NEW, proof=path[::-1]),
        continued(kit, OLD, NEW, proof=(bytes(32),) * 63),
        continued(kit, OLD, NEW, old_size=OLD + 1),
        continued(kit, OLD, NEW, old_size=0),
        continued(kit, OLD, NEW, checkpoint=signed),
        continued(kit, NEW, OLD, proof=path),
        continued(kit, NEW, NEW, proof=(bytes(32),)),
        continued(kit, 0, NEW),
        evidence(kit, "continuation", changed(b"old 6", b"old 06")),
        evidence(kit, "continuation", changed(b"old 6", b"Old 6")),
        evidence(kit, "continuation", changed(b"old 6\n", b"old 6\n" + hash_line(bytes(31)))),
        evidence(kit, "continuation", changed(b"old 6\n", b"old 6\n" + hash_line(bytes(32)) * 60)),
        evidence(kit, "continuation", changed(b"\n13\n", b"\n013\n")),
        evidence(kit, "continuation", b""),
    ]

    verdicts = court.try_all(cases)

    assert verdicts == ["consistency"] * 12 + ["proof"] * 6
