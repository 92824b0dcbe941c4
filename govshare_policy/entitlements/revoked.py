# SPDX-License-Identifier: Apache-2.0
"""Which grants of a data directory ended by revocation.

A revoked grant is one whose last day is the day before its revocation, so a decision needs to
know no more. Only the note in its row, in the words of ``govshare grant revoke``, says why.
"""

import csv
import io
import re
from pathlib import Path
from typing import Final

from govshare_policy.register._table import read_bytes

_FILE: Final = "grants.tsv"
_NOTE: Final = re.compile(r"revoked \d{4}-\d\d-\d\d \S+")


def load_revoked(data: Path) -> frozenset[str]:
    """Return the ids of the grants in the directory *data* that were revoked.

    The directory is one that :func:`~govshare_policy.register.load_register` has loaded.

    Raises:
        FactError: If the file cannot be read.
    """
    text = read_bytes(data / _FILE).decode("utf-8-sig", "replace")
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    return frozenset(
        row["grant_id"].strip() for row in rows if _NOTE.fullmatch((row.get("note") or "").strip())
    )
