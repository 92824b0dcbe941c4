# SPDX-License-Identifier: Apache-2.0
"""The certificates of auditors, who may have the receipt of any record."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from govshare_policy.identity import Evidence
from govshare_sidecar._table import Table

_SPKI: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditors:
    """What the ``[audit]`` table says.

    Attributes:
        keys: SM3 of the DER SubjectPublicKeyInfo of each; 32 bytes.
    """

    keys: frozenset[bytes] = frozenset()

    def may_read(self, certificate: object, evidence: Evidence, *, at: datetime) -> bool:
        """Tell whether *evidence* is of an auditor, or of the caller that a record names.

        Args:
            certificate: What the record says about the caller's key: SM3 in hex, or nothing.
            evidence: What the transport saw; outside its time it shows nothing.
            at: When.
        """
        spki, start, end = evidence.spki, evidence.not_before, evidence.not_after
        if spki is None or start is None or end is None or not start <= at <= end:
            return False
        return spki in self.keys or spki.hex() == certificate


NO_AUDITORS: Final = Auditors()


def read_auditors(table: Table) -> Auditors:
    """Return what *table* says.

    Raises:
        ConfigError: If a key is no digest, or the table holds anything else.
    """
    keys = table.texts("auditors")
    if not all(_SPKI.fullmatch(key) for key in keys):
        raise table.error("auditors", "is a list of SM3 digests of public keys, 64 hex digits each")
    table.finish()
    return Auditors(keys=frozenset(bytes.fromhex(key) for key in keys))
