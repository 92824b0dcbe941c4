# SPDX-License-Identifier: Apache-2.0
"""The clauses of a text, as ``clauses.tsv`` lists them."""

import csv
import io
from collections.abc import Iterator
from typing import Final

from govshare_policy.errors import PolicyError
from govshare_policy.legal import Clause

CLAUSE_COLUMNS: Final = (
    "id",
    "document",
    "article",
    "actor",
    "topic",
    "paraphrase_en",
    "paraphrase_zh",
    "parameter",
)


def parse_clauses(text: str, *, prefixes: tuple[str, ...]) -> dict[str, Clause]:
    """Return the clauses in *text* by id, in the order of the file.

    Args:
        text: A TSV file with the columns of a clause registry.
        prefixes: The prefixes an id may have, such as ``HU``.

    Raises:
        PolicyError: If a row is short or long, or an id has another prefix or stands twice.
    """
    clauses: dict[str, Clause] = {}
    for line, row in tsv_rows(text, file="clauses.tsv", columns=CLAUSE_COLUMNS):
        known = any(row[0].startswith(f"{prefix}-") for prefix in prefixes)
        if not known or row[0] in clauses:
            raise PolicyError(
                f"clauses.tsv line {line} column 1: the id has another prefix or stands twice"
            )
        ident, document, article, actor, topic, english, chinese, parameter = row
        clauses[ident] = Clause(
            id=ident,
            document=document,
            article=article,
            actor=actor,
            topic=topic,
            text_en=english,
            text_zh=chinese,
            parameter=parameter,
        )
    return clauses


def tsv_rows(
    text: str, *, file: str, columns: tuple[str, ...]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the rows of *text* with their line numbers, each as long as *columns*.

    Raises:
        PolicyError: If the header is another one, or a row does not have its cells.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    try:
        if tuple(next(reader, ())) != columns:
            raise PolicyError(f"{file} line 1: the columns are not {', '.join(columns)}")
        for row in reader:
            if len(row) != len(columns):
                raise PolicyError(
                    f"{file} line {reader.line_num}: "
                    f"{len(row)} cells where the header has {len(columns)}"
                )
            yield reader.line_num, tuple(row)
    except csv.Error:
        raise PolicyError(f"{file} line {reader.line_num}: not a row of cells") from None
