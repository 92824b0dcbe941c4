# SPDX-License-Identifier: Apache-2.0
"""Stubs: what stands in the place of a segment that was dropped from a log.

A stub is the receipt of the record that says so. It carries the root of the segment, so that
everything behind it is verified as before; the records themselves are in an archive.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from govshare_policy.audit.checkpoint import Checkpoint
from govshare_policy.audit.damage import Damage, blame
from govshare_policy.audit.layout import is_dropped, stub_file
from govshare_policy.audit.manifest import Manifest
from govshare_policy.audit.merkle import leaf_hash, verify_inclusion
from govshare_policy.audit.receipt import Receipt
from govshare_policy.audit.record import MAX_RECORD_BYTES, parse_record
from govshare_policy.audit.segment import segment_name
from govshare_policy.audit.trust import TrustPolicy
from govshare_policy.errors import VerificationError

EVENT: Final = "dropped"
# A record, a note, 63 hashes in base64 and the words between them.
_MAX_BYTES: Final = MAX_RECORD_BYTES + (1 << 15)
_ROOT: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """What stands for a dropped segment.

    Attributes:
        first: Number of the first record of the segment.
        root: Root over its 65,536 records alone; 32 bytes.
        receipt: Of the record that says that the segment was dropped.
        checkpoint: That of the receipt.
    """

    first: int
    root: bytes
    receipt: Receipt
    checkpoint: Checkpoint

    @property
    def file(self) -> str:
        """Its name under the directory of the log."""
        return stub_file(self.first)


def read_stub(directory: Path, first: int, manifest: Manifest) -> Stub:
    """Return what stands for the dropped segment of record *first*; no signature is verified.

    Raises:
        LogDamageError: If it does not say of this log that the segment was dropped.
        OSError: If it cannot be read.
    """
    with blame(Damage.DROPPED, stub_file(first)):
        with (directory / stub_file(first)).open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        try:
            receipt = Receipt.from_text(data.decode())
        except UnicodeDecodeError:
            raise VerificationError("the stub is not utf-8") from None
        return Stub(
            first=first,
            root=_stated_root(receipt.record, first, manifest),
            receipt=receipt,
            checkpoint=Checkpoint.from_note(receipt.checkpoint),
        )


def read_stubs(
    directory: Path, firsts: Collection[int], manifest: Manifest, trust: TrustPolicy
) -> tuple[Stub, ...]:
    """Return the stubs among the segments *firsts*, once each is proven to be of this log.

    Raises:
        LogDamageError: If one is not a good receipt of a record that drops its segment.
        OSError: If one cannot be read.
    """
    stubs = []
    for first in firsts:
        if is_dropped(directory, first):
            stub = read_stub(directory, first, manifest)
            with blame(Damage.DROPPED, stub.file):
                _verify(stub, trust)
            stubs.append(stub)
    return tuple(stubs)


def _verify(stub: Stub, trust: TrustPolicy) -> None:
    """Return only if the log that *trust* names holds the record of *stub*.

    Witnesses need not have signed its checkpoint: what follows has to be the same log, and that is
    what they vouch for.
    """
    receipt, checkpoint = stub.receipt, stub.checkpoint
    trust.verify_checkpoint(checkpoint)
    verify_inclusion(
        leaf_hash(receipt.record),
        receipt.index,
        size=checkpoint.size,
        proof=receipt.proof,
        root=checkpoint.root,
    )


def _stated_root(record: bytes, first: int, manifest: Manifest) -> bytes:
    content = parse_record(record)
    if (content.get("phase"), content.get("event")) != ("admin", EVENT):
        raise VerificationError("the record of the stub drops nothing")
    own = (manifest.origin, manifest.created, manifest.genesis.hex())
    if (content.get("origin"), content.get("created"), content.get("genesis")) != own:
        raise VerificationError("the record of the stub is of another log")
    listed = content.get("segments")
    named = [
        entry.get("root")
        for entry in (listed if isinstance(listed, list) else ())
        if isinstance(entry, dict) and entry.get("file") == segment_name(first)
    ]
    if len(named) != 1 or not isinstance(named[0], str) or not _ROOT.fullmatch(named[0]):
        raise VerificationError("the record of the stub does not name this segment once")
    return bytes.fromhex(named[0])
