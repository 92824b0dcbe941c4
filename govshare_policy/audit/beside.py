# SPDX-License-Identifier: Apache-2.0
"""What lies beside the segments of a log and is not verified."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from govshare_policy.audit.layout import (
    CHECKPOINT,
    EVIDENCE,
    MANIFEST,
    PENDING,
    QUARANTINE,
    SEGMENT,
    SEGMENTS,
    STUB,
    WITNESS,
)

# Derived from the segments, or no part of what they vouch for.
_KNOWN: Final = {MANIFEST, CHECKPOINT, SEGMENTS, QUARANTINE, WITNESS, EVIDENCE, "tile"}
_INDEX: Final = "index.sqlite"


def warn_beside(directory: Path) -> Iterator[str]:
    """Yield what an auditor should know about the files that were not looked at."""
    for path in sorted(directory.iterdir()):
        if path.name not in _KNOWN and not path.name.startswith(_INDEX):
            yield f"`{path.name}` is no part of a log"
    for path in sorted((directory / EVIDENCE).glob("*")):
        yield f"`{EVIDENCE}/{path.name}` says that the log was forked or set back"
    for path in sorted((directory / QUARANTINE).glob(f"*{PENDING}")):
        yield f"no record speaks of `{QUARANTINE}/{path.name}` yet"
    for path in sorted((directory / SEGMENTS).glob(f"*{STUB}")):
        if path.with_suffix(SEGMENT).exists():
            yield f"`{SEGMENTS}/{path.name}` says that the segment was dropped, but it is there"
