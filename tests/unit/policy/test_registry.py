# SPDX-License-Identifier: Apache-2.0
"""The clause registry, over the real packs with one change each."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from govshare_policy.cli.cases import cases_of
from govshare_policy.errors import PolicyError
from govshare_policy.policy import packs_directory
from govshare_policy.policy.encodings import Lines, Reference
from govshare_policy.policy.faults import Fault, Severity, faults_of
from govshare_policy.policy.registry import Kind, Registry, Status, load_registry
from tests.unit.mutated import Edit, both, swap, without

ROWS = "hubei/dispositions.tsv"
LAW = "hubei/law.toml"
PARTS = "common/parts.toml"


def hubei_with(directory: Path, name: str = "", edit: Edit = str) -> Path:
    """Copy what all packs share, the Hubei pack and the fragments, and edit one file."""
    for part in ("common", "hubei", "fragments"):
        shutil.copytree(packs_directory() / part, directory / part)
    if name:
        path = directory / name
        path.write_text(edit(path.read_text("utf-8")), "utf-8")
    return directory


def errors(packs: Path) -> list[Fault]:
    faults = faults_of(load_registry(packs), cases_of(packs, ("hubei",)))
    return [fault for fault in faults if fault.severity is Severity.ERROR]


def row(clause: str, /, **cells: str) -> Edit:
    """Return the edit that sets *cells* in the row of *clause*."""
    return _in_row(clause, lambda values: values | cells)


def add(cell: str, clause: str, word: str) -> Edit:
    """Return the edit that adds *word* to a list in the row of *clause*."""
    return _in_row(
        clause, lambda values: values | {cell: "|".join(filter(None, (values[cell], word)))}
    )


def _in_row(clause: str, change: Callable[[dict[str, str]], dict[str, str]]) -> Edit:
    def edit(text: str) -> str:
        lines = text.split("\n")
        [number] = [i for i, line in enumerate(lines) if line.startswith(f"{clause}\t")]
        values = dict(zip(lines[0].split("\t"), lines[number].split("\t"), strict=True))
        lines[number] = "\t".join(change(values).values())
        return "\n".join(lines)

    return edit


def no_row(clause: str) -> Edit:
    return lambda text: "\n".join(
        line for line in text.split("\n") if not line.startswith(f"{clause}\t")
    )


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return load_registry(hubei_with(tmp_path_factory.mktemp("packs")))


class Wrong(NamedTuple):
    name: str
    edit: Edit
    clause: str
    code: str


WRONG = {
    "a clause has no row": Wrong(ROWS, no_row("HU-a24-02"), "HU-a24-02", "no_disposition"),
    "a rule is named that is not there": Wrong(
        ROWS, add("by", "HU-a24-02", "rule:hu-none"), "HU-a24-02", "unknown_name"
    ),
    "a named rule was taken out": Wrong(
        "hubei/policy.csv", without("hu-offline"), "HU-a16-02", "unknown_name"
    ),
    "a duty is named that is not there": Wrong(
        ROWS, add("by", "HU-a24-02", "duty:nothing"), "HU-a24-02", "unknown_name"
    ),
    "a lint rule is named that is not there": Wrong(
        ROWS, add("by", "HU-a24-02", "lint:hu-nothing"), "HU-a24-02", "unknown_name"
    ),
    "a deadline is named that is not there": Wrong(
        ROWS, add("by", "HU-a24-02", "deadline:supply/notice"), "HU-a24-02", "unknown_name"
    ),
    "a field is named that records do not have": Wrong(
        ROWS, add("by", "HU-a27-01", "record:weather"), "HU-a27-01", "unknown_name"
    ),
    "a rule cites a clause that does not name it": Wrong(
        "hubei/policy.csv",
        swap("HU-a24-02|HU-a24-01", "HU-a24-02|HU-a14-01"),
        "HU-a14-01",
        "not_named_back",
    ),
    "a duty cites a clause that does not name it": Wrong(
        LAW, swap('clause = "HU-a24-03"', 'clause = "HU-a14-01"'), "HU-a14-01", "not_named_back"
    ),
    "a lint rule cites a clause that does not name it": Wrong(
        "hubei/catalogue.toml",
        swap('clauses = ["HU-a08-02"]', 'clauses = ["HU-a10-01"]'),
        "HU-a10-01",
        "not_named_back",
    ),
    "a deadline cites a clause that does not name it": Wrong(
        "hubei/deadlines.toml",
        swap('clauses = ["HU-a06-05"]', 'clauses = ["HU-a10-01"]'),
        "HU-a10-01",
        "not_named_back",
    ),
    "a step cites a clause that does not name it": Wrong(
        "hubei/workflow.toml",
        swap('clauses = ["HU-a25-02"]', 'clauses = ["HU-a10-01"]'),
        "HU-a10-01",
        "not_named_back",
    ),
    "what a step tells cites a clause that does not name it": Wrong(
        "hubei/workflow.toml",
        swap('act = "notice", clause = "HU-a20-03"', 'act = "notice", clause = "HU-a10-01"'),
        "HU-a10-01",
        "not_named_back",
    ),
    "a figure cites a clause that does not name it": Wrong(
        "hubei/report.toml",
        swap('freshness = ["HU-a17-01"]', 'freshness = ["HU-a10-01"]'),
        "HU-a10-01",
        "not_named_back",
    ),
    "a silence cites a clause that does not name it": Wrong(
        "hubei/report.toml",
        swap('clause = "HU-a26-02"', 'clause = "HU-a10-01"'),
        "HU-a10-01",
        "not_named_back",
    ),
    "a rule is named that cites another clause, and nobody says why": Wrong(
        ROWS, add("by", "HU-a24-02", "rule:hu-offline"), "HU-a24-02", "cites_another"
    ),
    "nothing named can bear a disposition of its kind": Wrong(
        ROWS, row("HU-a24-02", disposition="timed"), "HU-a24-02", "nothing_bears_it"
    ),
    "what is out of scope names a rule": Wrong(
        ROWS, add("by", "HU-a29-01", "rule:hu-system"), "HU-a29-01", "out_of_scope_by"
    ),
    "what is out of scope names a test": Wrong(
        ROWS, add("test", "HU-a29-01", "calls:plain"), "HU-a29-01", "out_of_scope_by"
    ),
    "what is out of scope gives no reason": Wrong(
        ROWS, row("HU-a29-01", reason="", reason_zh=""), "HU-a29-01", "no_reason"
    ),
    "a case is named that is not there": Wrong(
        ROWS, add("test", "HU-a24-02", "calls:nothing"), "HU-a24-02", "unknown_case"
    ),
    "a case of another pack's kind is named": Wrong(
        ROWS, add("test", "HU-a24-02", "walks:plain"), "HU-a24-02", "unknown_case"
    ),
    "the case does not need the rules named": Wrong(
        ROWS, add("test", "HU-a24-02", "calls:plain"), "HU-a24-02", "idle_case"
    ),
    "the case does not need the deadline named": Wrong(
        ROWS, add("test", "HU-a24-02", "deadlines:submitted-only"), "HU-a24-02", "idle_case"
    ),
    "the case does not need the step named": Wrong(
        ROWS, add("test", "HU-a25-02", "workflow:consent-to-onward"), "HU-a25-02", "idle_case"
    ),
    "a case of steps is named where no step is": Wrong(
        ROWS, row("HU-a25-02", by="part:dispute"), "HU-a25-02", "idle_case"
    ),
    "no case proves the steps": Wrong(
        ROWS, row("HU-a25-02", test="tests/x.py::test_x"), "HU-a25-02", "no_test"
    ),
    "no test proves the figures": Wrong(ROWS, row("HU-a28-01", test=""), "HU-a28-01", "no_test"),
    "no case proves the rules": Wrong(ROWS, row("HU-a14-02", test=""), "HU-a14-02", "no_test"),
    "no test proves the duties": Wrong(
        ROWS, row("HU-a24-02", test="calls:other-system"), "HU-a24-02", "no_test"
    ),
}


def test_the_packs_as_they_are_have_no_fault(tmp_path: Path) -> None:
    assert errors(hubei_with(tmp_path / "packs")) == []


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_found_at_its_clause(wrong: Wrong, tmp_path: Path) -> None:
    found = errors(hubei_with(tmp_path / "packs", wrong.name, wrong.edit))

    assert (wrong.clause, wrong.code) in {(fault.clause, fault.code) for fault in found}
    for fault in found:
        assert fault.file == ROWS
        assert wrong.code == "no_disposition" or fault.line > 1
        assert fault.text
        assert fault.text_zh


def test_a_fault_says_where_it_stands(tmp_path: Path) -> None:
    packs = hubei_with(tmp_path / "packs", ROWS, add("by", "HU-a24-02", "rule:hu-none"))
    lines = (packs / ROWS).read_text("utf-8").split("\n")

    [fault] = errors(packs)

    assert lines[fault.line - 1].startswith("HU-a24-02\t")
    assert fault.to_document() == {
        "severity": "error",
        "code": "unknown_name",
        "clause": "HU-a24-02",
        "file": ROWS,
        "line": fault.line,
        "column": 3,
        "text": "`HU-a24-02`: there is no `rule:hu-none`",
        "text_zh": "“HU-a24-02”：所指明的承担者不存在",
    }


class Refused(NamedTuple):
    name: str
    edit: Edit
    says: str


def header(text: str) -> str:
    return text.replace("clause\t", "paragraph\t", 1)


REFUSED = {
    "another header": Refused(ROWS, header, "line 1: the columns are not"),
    "a short row": Refused(
        ROWS, lambda text: text.replace("HU-a24-02\t", "HU-a24-02", 1), "5 cells where the header"
    ),
    "a clause of another text": Refused(
        ROWS, swap("HU-a24-02\t", "NR-a24-02\t"), "column 1: not a clause of this text"
    ),
    "a clause twice": Refused(
        ROWS, swap("HU-a24-03\t", "HU-a24-02\t"), "column 1: not a clause of this text, or"
    ),
    "an unknown disposition": Refused(
        ROWS, row("HU-a24-02", disposition="Enforced"), "column 2: `Enforced` is not"
    ),
    "a name without a kind": Refused(
        ROWS, row("HU-a24-02", by="hu-system"), "column 3: `hu-system` is not a kind and a name"
    ),
    "a kind without a name": Refused(
        ROWS, row("HU-a24-02", by="rule:"), "column 3: `rule:` is not a kind and a name"
    ),
    "a name twice": Refused(
        ROWS, row("HU-a24-02", by="rule:hu-system|rule:hu-system"), "column 3: `rule:hu-system`"
    ),
    "an unknown part": Refused(
        ROWS, row("HU-a24-02", by="part:magic"), "column 3: `magic` is not in common/parts.toml"
    ),
    "a reason in one language": Refused(
        ROWS, row("HU-a29-01", reason_zh=""), "column 5: a reason stands in one language only"
    ),
    "a quote that is not closed": Refused(
        ROWS, lambda text: text + 'HU-a24-02\t"', "not a row of cells"
    ),
    "parts that are no TOML": Refused(PARTS, lambda text: text + "[", "common/parts.toml: "),
    "a part that is no table": Refused(
        PARTS, lambda text: "x = 1\n" + text, "`x` is not a table of texts"
    ),
    "a planned part with a place": Refused(
        PARTS,
        lambda text: text + '[late]\nstatus = "planned"\nwhere = "x"\nen = "e"\nzh = "z"\n',
        "`late` has the keys status, en, zh",
    ),
    "a built part without a place": Refused(
        PARTS,
        lambda text: text + '[late]\nstatus = "built"\nen = "e"\nzh = "z"\n',
        "`late` has the keys status, en, zh",
    ),
    "a part of unknown status": Refused(
        PARTS,
        lambda text: text + '[late]\nstatus = "soon"\nen = "e"\nzh = "z"\n',
        "`late`: the status is built or planned",
    ),
    "a fragment of an unknown text": Refused(
        "fragments/clauses.tsv", swap("HN-2-01", "XX-2-01"), "fragments/clauses.tsv line"
    ),
    "deadlines that are no TOML": Refused(
        "hubei/deadlines.toml", lambda text: text + "[", "hubei/deadlines.toml: "
    ),
    "a lint rule without a name": Refused(
        "hubei/catalogue.toml",
        lambda text: text.replace('id = "hu-fields"\n', "", 1),
        "hubei/catalogue.toml: a table of `rule` lacks id",
    ),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_wrong_in_itself_is_refused(refused: Refused, tmp_path: Path) -> None:
    packs = hubei_with(tmp_path / "packs", refused.name, refused.edit)

    with pytest.raises(PolicyError) as caught:
        load_registry(packs)

    assert refused.says in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        *(ROWS, PARTS, "fragments/clauses.tsv", "hubei/catalogue.toml"),
        *("hubei/deadlines.toml", "hubei/workflow.toml", "hubei/report.toml"),
    ],
)
@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (Path.unlink, r"cannot be read \(No such file or directory\)"),
        (lambda path: path.write_bytes(b"\xff"), "not valid UTF-8 at byte 0"),
        (
            lambda path: path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes()),
            "begins with a byte order mark; save it as UTF-8 without one",
        ),
    ],
    ids=["missing", "no text", "a byte order mark"],
)
def test_a_file_that_is_missing_or_no_text_is_refused(
    name: str, spoil: Callable[[Path], object], fault: str, tmp_path: Path
) -> None:
    packs = hubei_with(tmp_path / "packs")
    spoil(packs / name)

    with pytest.raises(PolicyError, match=f"^{name}: {fault}$"):
        load_registry(packs)


def test_packs_without_fragments_have_none(tmp_path: Path) -> None:
    packs = hubei_with(tmp_path / "packs")
    shutil.rmtree(packs / "fragments")

    assert set(load_registry(packs).homes.values()) == {"hubei"}


@pytest.mark.parametrize(
    ("clause", "kind", "status"),
    [
        ("HU-a24-02", Kind.ENFORCED, Status.BUILT),
        ("HU-a14-02", Kind.ENFORCED, Status.BUILT),
        ("HU-a08-02", Kind.LINTED, Status.BUILT),
        ("HU-a19-01", Kind.TIMED, Status.BUILT),
        ("HU-a27-01", Kind.RECORDED, Status.BUILT),
        ("HU-a25-01", Kind.WORKFLOW, Status.BUILT),
        ("HU-a12-01", Kind.WORKFLOW, Status.BUILT),
        ("HU-a17-03", Kind.WORKFLOW, Status.BUILT),
        ("HU-a26-01", Kind.REPORTED, Status.BUILT),
        ("HU-a31-02", Kind.REPORTED, Status.BUILT),
        ("HU-a29-01", Kind.OUT_OF_SCOPE, Status.OUT_OF_SCOPE),
        ("HN-2-01", Kind.OUT_OF_SCOPE, Status.OUT_OF_SCOPE),
    ],
)
def test_a_clause_is_dealt_with_and_as_far_as_it_says(
    clause: str, kind: Kind, status: Status, registry: Registry
) -> None:
    disposition = registry.dispositions[clause]

    assert (disposition.kind, registry.status(disposition)) == (kind, status)


@pytest.mark.parametrize(
    ("reference", "starts"),
    [
        (Reference(kind="rule", name="hu-system"), "p,"),
        (Reference(kind="duty", name="system_only"), "[[duty]]"),
        (Reference(kind="scope", name="system"), "system = "),
        (Reference(kind="law", name="silence"), "silence = "),
        (Reference(kind="law", name="networks"), "networks = "),
        (Reference(kind="lint", name="hu-basis-level"), "[[rule]]"),
        (Reference(kind="deadline", name="application/form_check"), "[[clock]]"),
        (Reference(kind="step", name="approve"), "[[step]]"),
        (Reference(kind="step", name="conditions"), "[[subject]]"),
        (Reference(kind="report", name="silence"), "[[silence]]"),
        (Reference(kind="report", name="authorisation"), "authorisation = "),
    ],
)
def test_an_encoding_is_found_at_its_line(
    reference: Reference, starts: str, registry: Registry
) -> None:
    places = registry.places("hubei", reference)

    assert places
    for place in places:
        line = (packs_directory() / place.file).read_text("utf-8").split("\n")[place.line - 1]
        assert line.startswith(starts)


def test_a_duty_is_found_among_the_duties(registry: Registry) -> None:
    text = (packs_directory() / LAW).read_text("utf-8").split("\n")
    for duty in registry.packs["hubei"].duties:
        [place] = registry.places("hubei", Reference(kind="duty", name=duty.code))
        assert text[place.line] == f'code = "{duty.code}"'


def test_a_reference_of_another_text_has_no_place(registry: Registry) -> None:
    assert registry.places("fragments", Reference(kind="rule", name="hu-system")) == ()


def test_the_second_duty_is_not_taken_for_the_first() -> None:
    lines = Lines('a = 1\n[[duty]]\ncode = "x"\n[other]\n[[duty]]\ncode = "y"\n')

    assert [lines.header("duty", 0), lines.header("duty", 1), lines.header("duty", 2)] == [2, 5, 0]
    assert lines.key("", 0, "a") == 1
    assert lines.key("duty", 1, "code") == 6
    assert lines.key("duty", 1, "clause") == 0


def test_a_clock_that_extends_by_another_clause_cites_both(tmp_path: Path) -> None:
    edit = both(
        swap('clauses = ["HU-a20-01", "HU-a22-01"]', 'clauses = ["HU-a20-01"]'),
        swap(
            'recipient = "platform_operator"\n',
            'recipient = "platform_operator"\n'
            'extension = { working_days = 5, clause = "HU-a22-02" }\n',
        ),
    )
    packs = hubei_with(tmp_path / "packs", "hubei/deadlines.toml", edit)
    reference = Reference(kind="deadline", name="application/provider_answer")

    [place] = load_registry(packs).places("hubei", reference)

    assert place.clauses == ("HU-a20-01", "HU-a22-02")
