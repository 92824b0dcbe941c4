# SPDX-License-Identifier: Apache-2.0
"""The published table: what the guard recognises, measured here.

``python -m tests.egress.table`` writes it into the documentation; a test holds the two together.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from govshare_policy.egress.verdict import Outcome
from tests.egress.forms import COLUMNS, MIXED, WHOLE, Form, as_csv, as_json
from tests.egress.generators import GENERATORS, Row, rows
from tests.egress.guarded import Guarded, make_guarded
from tests.egress.roles import only
from tests.egress.unseen import UNSEEN

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "onward.md"
BEGIN, END = "<!-- table -->\n", "<!-- /table -->\n"
RELEASED, DOCUMENT = 400, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What was released in one generator's layout, and own rows of the same layout."""

    first: int
    released: list[Row]
    own: list[Row]


def release_all(guarded: Guarded) -> dict[str, Corpus]:
    """Register a release of each generator."""
    return {
        name: Corpus(
            first=guarded.release(released := rows(make, RELEASED, seed=1), receipt=f"R-{name}"),
            released=released,
            own=rows(make, DOCUMENT * 3, seed=2),
        )
        for name, make in GENERATORS.items()
    }


def mixed(corpus: Corpus, between: int) -> tuple[list[Row], int]:
    """Return a document of 100 rows, and how many of them are released."""
    step = between + 1
    count = DOCUMENT // step
    document: list[Row] = []
    for at in range(count):
        document += [corpus.released[at], *corpus.own[at * between : (at + 1) * between]]
    return document, count


def measure(guarded: Guarded, corpus: Corpus, form: Form) -> tuple[bool, int]:
    """Return whether the document is denied, and how many of its rows are recognised."""
    body = form(corpus.released[:DOCUMENT])
    denied = guarded.scan(body).outcome is Outcome.DENY
    span = range(corpus.first, corpus.first + DOCUMENT)
    return denied, len(guarded.recognised(body) & set(span))


def line(name: str, denied: int, documents: int, share: str) -> str:
    return f"| {name} | {denied}/{documents} | {share} |"


def build(guarded: Guarded) -> str:
    """Return the table, measured."""
    corpora = release_all(guarded)
    lines = ["| form | documents denied | rows recognised |", "|---|---|---|"]
    for name, form in WHOLE.items():
        found = [measure(guarded, corpus, form) for corpus in corpora.values()]
        total = DOCUMENT * len(found)
        share = f"{100 * sum(count for _, count in found) / total:.1f} %"
        lines.append(line(name, sum(yes for yes, _ in found), len(found), share))
    for name, between in MIXED.items():
        denied = count = known = 0
        for corpus in corpora.values():
            document, released = mixed(corpus, between)
            body = as_json(document)
            denied += guarded.scan(body).outcome is Outcome.DENY
            known += len(guarded.recognised(body))
            count += released
        lines.append(line(name, denied, len(corpora), f"{100 * known / count:.1f} %"))
    for name, role in COLUMNS.items():
        bodies = [as_csv(only(c.released[:DOCUMENT], role)) for c in corpora.values()]
        denied = sum(guarded.scan(body).outcome is Outcome.DENY for body in bodies)
        lines.append(line(name, denied, len(bodies), "by containment"))
    for name, form in UNSEEN.items():
        found = [measure(guarded, corpus, form) for corpus in corpora.values()]
        lines.append(line(f"{name} (not detected)", sum(y for y, _ in found), len(found), "none"))
    return "\n".join(lines) + "\n"


def published() -> str:
    """Return the table as it stands in the documentation."""
    return PAGE.read_text("utf-8").split(BEGIN)[1].split(END)[0]


def main() -> None:
    """Write the table into the documentation."""
    with tempfile.TemporaryDirectory() as directory:
        guarded = make_guarded(Path(directory))
        with guarded:
            table = build(guarded)
    page = PAGE.read_text("utf-8")
    head, rest = page.split(BEGIN)
    PAGE.write_text(head + BEGIN + table + END + rest.split(END)[1], "utf-8")


if __name__ == "__main__":
    main()
