# SPDX-License-Identifier: Apache-2.0
"""The audit log: every answered call is a record, on the disk under a signed checkpoint.

:class:`AuditLog` writes; :func:`verify_log` and :func:`verify_receipt` need nothing of it but the
files. The bytes are those of docs/spec/audit-log.md.
"""

from govshare_policy.audit.checkpoint import Checkpoint, OpenSslExport, export_openssl
from govshare_policy.audit.damage import Damage, LogDamageError, Part
from govshare_policy.audit.log import AuditLog
from govshare_policy.audit.merkle import (
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from govshare_policy.audit.pin import FilePin, Mark, Pin
from govshare_policy.audit.receipt import Receipt, verify_receipt
from govshare_policy.audit.record import (
    MAX_RECORD_BYTES,
    encode_record,
    format_time,
    new_record_id,
    parse_record,
)
from govshare_policy.audit.salts import SaltStore
from govshare_policy.audit.trust import TrustKey, TrustPolicy, load_trust, parse_trust, trust_text
from govshare_policy.audit.verify import Verdict, read_records, verify_log

__all__ = [
    "MAX_RECORD_BYTES",
    "AuditLog",
    "Checkpoint",
    "Damage",
    "FilePin",
    "LogDamageError",
    "Mark",
    "OpenSslExport",
    "Part",
    "Pin",
    "Receipt",
    "SaltStore",
    "TrustKey",
    "TrustPolicy",
    "Verdict",
    "encode_record",
    "export_openssl",
    "format_time",
    "leaf_hash",
    "load_trust",
    "new_record_id",
    "parse_record",
    "parse_trust",
    "prove_consistency",
    "prove_inclusion",
    "read_records",
    "root_hash",
    "trust_text",
    "verify_consistency",
    "verify_inclusion",
    "verify_log",
    "verify_receipt",
]
