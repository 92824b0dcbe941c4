# SPDX-License-Identifier: Apache-2.0
"""Handing a log on to other tools: a stream of lines, whatever the size of the log."""

import json
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from govshare_policy.audit import Verdict, leaf_hash, parse_record
from govshare_policy.audit.merkle import Tree
from govshare_policy.errors import VerificationError
from govshare_policy.inspection.cadf import to_cadf
from govshare_policy.inspection.choice import Choice
from govshare_policy.inspection.flat import HEADER, csv_row, to_row
from govshare_policy.inspection.index import Progress, published_size
from govshare_policy.inspection.ocsf import to_ocsf
from govshare_policy.inspection.persons import Sought
from govshare_policy.inspection.query import is_asked
from govshare_policy.inspection.reading import read_batches, read_manifest
from govshare_policy.inspection.subject import Subject, Subjects

_TOLD_RECORDS: Final = 4096


class Form(StrEnum):
    """What an exported line is."""

    JSONL = "jsonl"
    CSV = "csv"
    CADF = "cadf"
    OCSF = "ocsf"


def export(
    directory: Path,
    form: Form,
    choice: Choice,
    *,
    sought: Sought | None = None,
    verdict: Verdict | None = None,
    progress: Progress | None = None,
) -> Iterator[str]:
    """Yield the lines of the records of *choice*, each with its line end.

    The whole log is read once, in order; memory does not grow with it.

    Args:
        directory: The log, which may be in use.
        form: What a line is.
        choice: Which records.
        sought: Only records about these persons.
        verdict: What the log verified as. Then only the records that it vouches for are given,
            and at the end they are known to have been the same bytes.
        progress: Told now and then the records read so far, and those there are.

    Raises:
        LogDamageError: If the log cannot be read to its end.
        VerificationError: If a record to be given is not one, or the log changed under the export.
        AuditError: If there is no room for what has to wait on the disk.
        OSError: If a file cannot be read.
    """
    manifest = read_manifest(directory)
    if form is Form.CSV:
        yield csv_row(HEADER)
    with Subjects(manifest.origin, manifest.created) as subjects:
        for number, data in _records(directory, verdict, progress):
            # Every record is taken: an outcome names its decision, which may not be asked for.
            subject = subjects.take(number, data)
            if is_asked(choice, sought, number, data):
                _verify_form(number, data)
                yield _LINES[form](subject)


def _records(
    directory: Path, verdict: Verdict | None, progress: Progress | None
) -> Iterator[tuple[int, bytes]]:
    tree, total = Tree(), verdict.size if verdict is not None else published_size(directory)
    for batch in read_batches(directory):
        for entry in batch.entries:
            if verdict is not None:
                tree.append(leaf_hash(entry.data))
            yield entry.number, entry.data
            if progress is not None and entry.number % _TOLD_RECORDS == 0:
                progress(entry.number, max(entry.number, total))
        if verdict is not None and batch.end.size >= verdict.size:
            break
    if verdict is not None and (tree.size, tree.root()) != (verdict.size, verdict.root):
        raise VerificationError("the log was changed while it was read, so this is no evidence")


def _verify_form(number: int, data: bytes) -> None:
    try:
        parse_record(data)
    except VerificationError as error:
        raise VerificationError(f"record {number} of the log: {error}") from None


def _jsonl(subject: Subject) -> str:
    # The bytes of the record, so that its leaf hash can be had from the line.
    return f'{{"index":{subject.number},"record":{subject.data.decode()}}}\n'


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


_LINES: Final[Mapping[Form, Callable[[Subject], str]]] = {
    Form.JSONL: _jsonl,
    Form.CSV: lambda subject: to_row(subject.number, subject.record),
    Form.CADF: lambda subject: _json(to_cadf(subject)),
    Form.OCSF: lambda subject: _json(to_ocsf(subject)),
}
