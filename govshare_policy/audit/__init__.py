# SPDX-License-Identifier: Apache-2.0
"""The audit log: every answered call is a record, on the disk under a signed checkpoint.

:class:`AuditLog` writes; :func:`verify_log` and :func:`verify_receipt` need nothing of it but the
files. The bytes are those of docs/spec/audit-log.md.
"""

from govshare_policy.audit.checkpoint import Checkpoint, OpenSslExport, export_openssl
from govshare_policy.audit.conflict import Conflict, find_conflict, verify_conflict
from govshare_policy.audit.continuation import Continuation
from govshare_policy.audit.cosign import Witnessed
from govshare_policy.audit.damage import Damage, LogDamageError, Part
from govshare_policy.audit.form import RecordForm
from govshare_policy.audit.log import AuditLog
from govshare_policy.audit.merkle import (
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from govshare_policy.audit.pin import Mark, Pin
from govshare_policy.audit.pin_file import FilePin
from govshare_policy.audit.proof import (
    LogTree,
    prove_log_consistency,
    prove_log_inclusion,
    prove_log_receipt,
    read_commit,
)
from govshare_policy.audit.receipt import Receipt, verify_receipt
from govshare_policy.audit.record import (
    MAX_RECORD_BYTES,
    encode_record,
    format_time,
    new_record_id,
    parse_record,
)
from govshare_policy.audit.rotation import Rotation, follow_rotation, rotate_key
from govshare_policy.audit.salts import SaltStore
from govshare_policy.audit.span import RangeVerdict, verify_range
from govshare_policy.audit.trust import TrustKey, TrustPolicy
from govshare_policy.audit.trustfile import format_trust, load_trust, parse_trust, trust_text
from govshare_policy.audit.verify import Verdict, read_records, verify_log

__all__ = [
    "MAX_RECORD_BYTES",
    "AuditLog",
    "Checkpoint",
    "Conflict",
    "Continuation",
    "Damage",
    "FilePin",
    "LogDamageError",
    "LogTree",
    "Mark",
    "OpenSslExport",
    "Part",
    "Pin",
    "RangeVerdict",
    "Receipt",
    "RecordForm",
    "Rotation",
    "SaltStore",
    "TrustKey",
    "TrustPolicy",
    "Verdict",
    "Witnessed",
    "encode_record",
    "export_openssl",
    "find_conflict",
    "follow_rotation",
    "format_time",
    "format_trust",
    "leaf_hash",
    "load_trust",
    "new_record_id",
    "parse_record",
    "parse_trust",
    "prove_consistency",
    "prove_inclusion",
    "prove_log_consistency",
    "prove_log_inclusion",
    "prove_log_receipt",
    "read_commit",
    "read_records",
    "root_hash",
    "rotate_key",
    "trust_text",
    "verify_conflict",
    "verify_consistency",
    "verify_inclusion",
    "verify_log",
    "verify_range",
    "verify_receipt",
]
