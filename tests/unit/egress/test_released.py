# SPDX-License-Identifier: Apache-2.0
"""One record can be proved released, alone, offline, and only while its salt is there."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from govshare_policy.audit import (
    AuditLog,
    Receipt,
    SaltStore,
    TrustPolicy,
    encode_record,
    new_record_id,
    parse_trust,
    root_hash,
    trust_text,
)
from govshare_policy.audit.nodes import leaf_hash
from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.egress.batchfile import row_digest
from govshare_policy.egress.leafstore import LeafStore
from govshare_policy.egress.released import (
    ReleaseProof,
    leaf_of,
    prove_released,
    release_key,
    seal,
    verify_released,
)
from govshare_policy.errors import (
    AuditError,
    InclusionError,
    SignatureError,
    VerificationError,
)

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
KEY = bytes(range(32))
ROWS: list[dict[str, str]] = [{"id_no": f"4107{n}", "name": f"张{n}"} for n in range(7)]
DIGESTS = b"".join(row_digest(row) for row in ROWS)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    path = tmp_path_factory.mktemp("keys") / "audit.pem"
    generate_key(path, b"secret")
    return open_signer(f"file:{path}", b"secret")


@pytest.fixture(scope="module")
def trust(signer: Signer) -> TrustPolicy:
    return parse_trust(trust_text("county/audit", signer.public))


def outcome(**release: object) -> dict[str, Any]:
    said = {"root": seal(KEY, DIGESTS).root.hex(), "records": len(ROWS), **release}
    return {"v": 1, "phase": "outcome", "id": new_record_id(AT), "release": said}


@pytest.fixture(scope="module")
def receipts(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Mapping[str, Receipt]:
    records: Mapping[str, dict[str, Any]] = {
        "release": outcome(),
        "no release": {"v": 1, "phase": "outcome", "id": "x"},
        "another phase": {**outcome(), "phase": "admin"},
        "no root": outcome(root=7),
        "no number": outcome(records="7"),
        "another number": outcome(records=4),
        "no hexadecimal": outcome(root="xy"),
    }
    directory = tmp_path_factory.mktemp("log") / "log"
    with AuditLog.create(
        directory, origin="county/audit", signer=signer, now=lambda: AT, preallocate=1024
    ) as log:
        return {name: log.append(encode_record(record)) for name, record in records.items()}


def proof_of(receipt: Receipt, row: int = 3) -> ReleaseProof:
    return prove_released(ROWS[row], key=KEY, leaves=seal(KEY, DIGESTS).leaves, receipt=receipt)


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_every_record_of_a_release_can_be_proved(
    receipts: Mapping[str, Receipt], trust: TrustPolicy, row: int
) -> None:
    text = proof_of(receipts["release"], row).to_text()

    record = verify_released(ReleaseProof.from_text(text), trust)

    assert record["release"]["records"] == len(ROWS)


def test_a_proof_shows_nothing_of_the_other_records_nor_the_key(
    receipts: Mapping[str, Receipt],
) -> None:
    text = proof_of(receipts["release"]).to_text()
    leaves = [leaf_of(KEY, row_digest(row)) for row in ROWS]

    assert KEY.hex() not in text
    assert not [row for row in ROWS if row is not ROWS[3] and row["name"] in text]
    assert not [leaf for leaf in leaves if leaf.hex() in text]


def test_the_opening_of_one_leaf_opens_no_other(receipts: Mapping[str, Receipt]) -> None:
    """Whoever guesses the record beside it cannot see that the guess is right."""
    proof = proof_of(receipts["release"])
    guessed = leaf_of(proof.opening, row_digest(ROWS[2]))

    assert leaf_hash(guessed) not in proof.path
    assert leaf_hash(leaf_of(KEY, row_digest(ROWS[2]))) in proof.path


@pytest.mark.parametrize(
    "change",
    [
        {"row": {"id_no": "41073", "name": "李3"}},
        {"row": {"id_no": "41073"}},
        {"opening": bytes(32)},
        {"index": 2},
        {"index": 7},
        {"path": ()},
    ],
    ids=["a value", "a field less", "the opening", "the index", "outside", "the path"],
)
def test_a_proof_that_was_changed_does_not_verify(
    receipts: Mapping[str, Receipt], trust: TrustPolicy, change: dict[str, Any]
) -> None:
    with pytest.raises(InclusionError):
        verify_released(replace(proof_of(receipts["release"]), **change), trust)


@pytest.mark.parametrize(
    "kind",
    [
        "no release",
        "another phase",
        "no root",
        "no number",
        "another number",
        "no hexadecimal",
    ],
)
def test_a_record_of_another_kind_proves_no_release(
    receipts: Mapping[str, Receipt], trust: TrustPolicy, kind: str
) -> None:
    with pytest.raises(VerificationError):
        verify_released(replace(proof_of(receipts["release"]), receipt=receipts[kind]), trust)


def test_a_receipt_of_another_log_proves_no_release(
    receipts: Mapping[str, Receipt], tmp_path: Path
) -> None:
    generate_key(tmp_path / "other.pem", b"secret")
    other = open_signer(f"file:{tmp_path / 'other.pem'}", b"secret")

    with pytest.raises(SignatureError):
        verify_released(
            proof_of(receipts["release"]), parse_trust(trust_text("county/audit", other.public))
        )


def test_a_record_that_did_not_leave_cannot_be_proved(receipts: Mapping[str, Receipt]) -> None:
    leaves = seal(KEY, DIGESTS).leaves
    with pytest.raises(InclusionError, match="exactly these cells"):
        prove_released({"id_no": "9"}, key=KEY, leaves=leaves, receipt=receipts["release"])
    fewer = leaves[:-32]
    with pytest.raises(InclusionError):
        prove_released(ROWS[0], key=KEY, leaves=fewer, receipt=receipts["release"])


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format":1}', "[" * 9000, " " * (1 << 20) + "{}"],
    ids=["empty", "list", "nothing", "one member", "deep", "long"],
)
def test_a_text_that_is_no_proof_is_none(text: str) -> None:
    with pytest.raises(VerificationError, match="no proof"):
        ReleaseProof.from_text(text)


@pytest.mark.parametrize(
    ("member", "value"),
    [("index", True), ("index", "1"), ("row", [1]), ("row", {"a": 1}), ("path", 3), ("opening", 3)],
)
def test_a_proof_with_a_member_of_another_kind_is_none(
    receipts: Mapping[str, Receipt], member: str, value: object
) -> None:
    document = json.loads(proof_of(receipts["release"]).to_text()) | {member: value}
    with pytest.raises(VerificationError, match="no proof"):
        ReleaseProof.from_text(json.dumps(document))


def test_without_the_salt_nothing_can_be_proved_any_more(tmp_path: Path) -> None:
    ident = new_record_id(AT)
    with SaltStore(tmp_path / "salts.sqlite") as salts:
        key = release_key(salts, ident)
        assert key == release_key(salts, ident)
        assert key != release_key(salts, new_record_id(AT))
        salts.erase([ident], by="because")
        with pytest.raises(VerificationError, match="erased"):
            release_key(salts, ident)


def test_the_root_is_that_of_the_tree_over_the_leaves() -> None:
    sealed = seal(KEY, DIGESTS)

    assert sealed.records == len(ROWS)
    assert sealed.root == root_hash([leaf_hash(leaf_of(KEY, row_digest(row))) for row in ROWS])
    with pytest.raises(ValueError, match="32 bytes"):
        seal(KEY, DIGESTS[:-1])


def test_leaves_are_kept_by_their_decision(tmp_path: Path) -> None:
    path = tmp_path / "releases.sqlite"
    with LeafStore(path) as store:
        store.keep("one", bytes(64))
        store.keep("other", bytes(32))
    with LeafStore(path, read_only=True) as again:
        assert (again.leaves("one"), again.leaves("third")) == (bytes(64), b"")
        assert list(again) == ["one", "other"]
        with pytest.raises(AuditError, match=r"releases\.sqlite"):
            again.keep("one", b"")
    assert path.stat().st_mode & 0o777 == 0o600


def test_another_file_is_no_store_of_leaves(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, but long enough to be read as one" * 20)
    for path in (tmp_path / "text", tmp_path):
        with pytest.raises(AuditError, match="cannot be used"):
            LeafStore(path)
    with pytest.raises(AuditError, match="cannot be used"):
        LeafStore(tmp_path / "missing", read_only=True)
