# SPDX-License-Identifier: Apache-2.0
"""Receipts of releases: one record can later be proved released without showing the others.

The outcome of a call carries a root over all records that left. A leaf is keyed twice::

    opening = HMAC-SM3(k_release, SM3(canonical row))
    leaf    = HMAC-SM3(opening,   SM3(canonical row))

``k_release`` grows out of the salt of the decision: once that is erased, nobody can tell any more
which records left. Whoever proves a record hands out its opening alone. With ``k_release`` in its
place, the records beside it could be guessed from the hashes of the proof.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

from govshare_policy.audit import (
    Receipt,
    TrustPolicy,
    leaf_hash,
    parse_record,
    prove_inclusion,
    verify_inclusion,
    verify_receipt,
)
from govshare_policy.audit.merkle import Tree
from govshare_policy.crypto import hmac_sm3
from govshare_policy.egress.batchfile import DIGEST_BYTES, row_digest
from govshare_policy.errors import InclusionError, VerificationError

FORMAT: Final = "govshare-release-proof/v1"
# INVARIANT: no record carries a commitment of this name; its value is a key.
_KEY_NAME: Final = "release_key"
_MAX_PROOF_BYTES: Final = 1 << 20
_MEMBERS: Final = frozenset({"format", "row", "opening", "index", "path", "receipt"})


class Salted(Protocol):
    """Turns values into commitments under the salt of a record; the salt store does."""

    def commit(self, record_id: str, values: Mapping[str, str]) -> dict[str, str]:
        """Return a commitment for each value."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """All records of one release, in their order.

    Attributes:
        root: Over the leaves; 32 bytes.
        leaves: 32 bytes a record.
    """

    root: bytes
    leaves: bytes

    @property
    def records(self) -> int:
        """How many there are."""
        return len(self.leaves) // DIGEST_BYTES


def release_key(salts: Salted, decision: str) -> bytes:
    """Return the key of what left under the decision record *decision*; 32 bytes.

    Raises:
        VerificationError: If the salt has been erased, or the id is no UUIDv7.
        AuditError: If the salt cannot be had.
    """
    return bytes.fromhex(salts.commit(decision, {_KEY_NAME: ""})[_KEY_NAME])


def seal(key: bytes, digests: bytes) -> Sealed:
    """Return the leaves and the root of the records whose digests are *digests*.

    Args:
        key: Of the release.
        digests: :func:`row_digest` of each record, one behind the other; 32 bytes each.
    """
    # One after another: a release may have millions of records.
    leaves, tree = bytearray(), Tree()
    for digest in split(digests):
        leaf = leaf_of(key, digest)
        leaves += leaf
        tree.append(leaf_hash(leaf))
    return Sealed(root=tree.root(), leaves=bytes(leaves))


def leaf_of(key: bytes, digest: bytes) -> bytes:
    """Return the leaf of the record with *digest*; 32 bytes."""
    return hmac_sm3(hmac_sm3(key, digest), digest)


def split(digests: bytes) -> Iterator[bytes]:
    """Yield the digests that stand in *digests* one behind the other; 32 bytes each."""
    if len(digests) % DIGEST_BYTES:
        raise ValueError("a digest has 32 bytes")
    return (digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseProof:
    """That one record left in one release.

    Attributes:
        row: The record; of the others there are hashes.
        opening: What its leaf was made with; 32 bytes. Opens no other leaf.
        index: Its number in the release, from 0.
        path: To the root; 32 bytes each.
        receipt: Of the outcome record, which has the root.
    """

    row: Mapping[str, str]
    opening: bytes
    index: int
    path: tuple[bytes, ...]
    receipt: Receipt

    def to_text(self) -> str:
        """Return the proof as JSON, to keep or hand on."""
        document = {
            "format": FORMAT,
            "row": dict(self.row),
            "opening": self.opening.hex(),
            "index": self.index,
            "path": [node.hex() for node in self.path],
            "receipt": self.receipt.to_text(),
        }
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the proof that *text* spells.

        Raises:
            VerificationError: If it spells none.
        """
        try:
            said = json.loads(text) if len(text) <= _MAX_PROOF_BYTES else None
            if not isinstance(said, dict) or set(said) != _MEMBERS or said["format"] != FORMAT:
                raise ValueError  # noqa: TRY301  one way out of all that can be wrong
            row, index = said["row"], said["index"]
            if type(index) is not int or not all(isinstance(cell, str) for cell in row.values()):
                raise ValueError  # noqa: TRY301
            return cls(
                row=row,
                opening=bytes.fromhex(said["opening"]),
                index=index,
                path=tuple(bytes.fromhex(node) for node in said["path"]),
                receipt=Receipt.from_text(said["receipt"]),
            )
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise VerificationError(f"the text is no proof of format `{FORMAT}`") from None


def prove_released(
    row: Mapping[str, str], *, key: bytes, leaves: bytes, receipt: Receipt
) -> ReleaseProof:
    """Return the proof that *row* left in the release whose outcome *receipt* is of.

    Args:
        row: Its cells, with all fields that left.
        key: Of the release.
        leaves: Of the release, 32 bytes each.
        receipt: Not verified here.

    Raises:
        InclusionError: If it did not leave in that form, or the leaves are of another release.
    """
    digest = row_digest(row)
    opening = hmac_sm3(key, digest)
    listed = list(split(leaves))
    try:
        index = listed.index(hmac_sm3(opening, digest))
    except ValueError:
        raise InclusionError("no record of the release has exactly these cells") from None
    hashes = [leaf_hash(leaf) for leaf in listed]
    path = prove_inclusion(hashes, index)
    proof = ReleaseProof(row=row, opening=opening, index=index, path=path, receipt=receipt)
    _verify_row(proof, released_in(parse_record(receipt.record)))
    return proof


def verify_released(proof: ReleaseProof, trust: TrustPolicy) -> dict[str, Any]:
    """Return the outcome record under which the row of *proof* left, once that is certain.

    1. The record is in the log that *trust* names.
    2. It is an outcome with the root of a release.
    3. The row is under the root.

    Raises:
        SignatureError: If the checkpoint of the receipt is not signed as it has to be.
        InclusionError: If the record is not in the log, or the row not in the release.
        VerificationError: If the record is of another kind.
    """
    # 1.
    verify_receipt(proof.receipt, trust)
    # 2.
    record = parse_record(proof.receipt.record)
    release = released_in(record)
    # 3.
    _verify_row(proof, release)
    return record


def released_in(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the outcome *record* says of its release.

    Raises:
        VerificationError: If it says nothing, or no root and number.
    """
    release = record.get("release")
    if record.get("phase") != "outcome" or not isinstance(release, dict):
        raise VerificationError("the record is not the outcome of a release with a root")
    root, records = release.get("root"), release.get("records")
    if not isinstance(root, str) or type(records) is not int:
        raise VerificationError("the release has no root or no number of records")
    return release


def _verify_row(proof: ReleaseProof, release: Mapping[str, Any]) -> None:
    try:
        root = bytes.fromhex(release["root"])
    except ValueError:
        raise VerificationError("the root of the release is not hexadecimal") from None
    leaf = leaf_hash(hmac_sm3(proof.opening, row_digest(proof.row)))
    verify_inclusion(leaf, proof.index, size=release["records"], proof=proof.path, root=root)
