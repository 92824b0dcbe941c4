# SPDX-License-Identifier: Apache-2.0
"""A decision in process, beside pycasbin, its FastEnforcer, Cedar and Rego, by number of rules.

Usage: ``python -m bench.engines [--seconds 1] [--most 100000] [--quick] [--json FILE]``. Ours
gathers facts from the register and decides, with reasons and clauses of two texts; the peers say
yes or no. Each figure is the median of processor time a decision, in a process of its own, warm.
"""

import csv
import json
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench.audit_common import describe_machine
from bench.peers.asking import PURPOSE, Figure, Rule, questions, rules, timed
from bench.peers.engine import ENGINES
from bench.peers.install import ROOT, python_of, why_missing, why_without
from bench.report import Report, Row, options
from govshare_policy.call import Call, call_from_document
from govshare_policy.decision import decide
from govshare_policy.facts import RegisterFacts
from govshare_policy.identity import AssumedTrust, Evidence
from govshare_policy.legal import Effect
from govshare_policy.policy import load_bundle
from govshare_policy.register import load_register

COUNTY = ROOT / "tests" / "vectors" / "county"
OURS = "govshare, reasons and clauses"
SIZES = (10, 100, 1_000, 10_000, 100_000)
# A larger set takes longer to load than it tells: by then the line is straight.
LARGEST = {"regopy, a rule each": 1_000, "cedarpy": 10_000, "pycasbin": 10_000}
AT = datetime(2025, 9, 22, 2, tzinfo=UTC)
LIMIT_S = 60.0


def first_row(name: str, key: str, value: str) -> dict[str, str]:
    """Return the row of the sample county whose *key* is *value*."""
    with (COUNTY / name).open(encoding="utf-8", newline="") as file:
        return next(row for row in csv.DictReader(file, delimiter="\t") if row[key] == value)


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    """Write *rows* as a register has them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_registers(directory: Path, count: int) -> None:
    """Write *count* grants over as many departments as resources, like those of the county."""
    of = rules(count)
    departments = list(dict.fromkeys(rule.department for rule in of))
    resources = list(dict.fromkeys(rule.resource for rule in of))
    provider = first_row("departments.tsv", "dept_id", "D-CAB")
    user = first_row("departments.tsv", "dept_id", "D-HCB")
    system = first_row("systems.tsv", "system_id", "SYS-HCB-PRH")
    entry = first_row("resources.tsv", "resource_id", "R08")
    grant = first_row("grants.tsv", "grant_id", "G01")
    verifier = first_row("departments.tsv", "dept_id", "D-DRC")
    everyone = [{**user, "dept_id": name} for name in departments]
    tables = {
        "departments.tsv": [provider, verifier, *everyone],
        "systems.tsv": [{**system, "system_id": f"S-{d}", "dept_id": d} for d in departments],
        "resources.tsv": [
            {**entry, "resource_id": name, "resource_code": f"{number:06}/000001",
             "share_scope": "ALL"}
            for number, name in enumerate(resources, 100_000)
        ],
        "grants.tsv": [
            {**grant, "grant_id": f"G{number}", "resource_id": rule.resource,
             "user_dept": rule.department, "systems": f"S-{rule.department}"}
            for number, rule in enumerate(of)
        ],
        "roles.tsv": [{"profile": "hubei", "role": "competent_authority", "dept_id": "D-DRC"}],
    }  # fmt: skip
    for name, table in tables.items():
        write_table(directory / name, table)


def ours(directory: Path, count: int, *, seconds: float) -> Figure:
    """Return what a decision of ours takes over *count* grants, facts included."""
    write_registers(directory, count)
    register = load_register(directory)
    bundle = load_bundle("hubei", register)
    source, trust = RegisterFacts(register=register), AssumedTrust()
    calls: dict[Rule, Call] = {}

    def call(rule: Rule) -> bool:
        asked = calls.get(rule) or calls.setdefault(rule, parsed(rule))
        identity = trust.identify(asked, Evidence(), at=AT)
        return decide(asked, source.gather(asked, identity, at=AT), bundle).effect is Effect.ALLOW

    return timed(call, questions(rules(count)), seconds=seconds)


def parsed(rule: Rule) -> Call:
    """Return the call that asks for what *rule* gives."""
    return call_from_document(
        {
            "id": "bench",
            "at": AT.isoformat(),
            "action": "read",
            "department": rule.department,
            "system": f"S-{rule.department}",
            "resource": rule.resource,
            "fields": ["id_no", "marital_status"],
            "purpose": PURPOSE,
        }
    )


def asked_elsewhere(engine: str, count: int, *, seconds: float) -> Figure | str:
    """Return the figure of a peer's *engine*, or why there is none."""
    command = [str(python_of(engine)), "-m", "bench.peers.engine", engine, str(count), str(seconds)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=LIMIT_S,
            env={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"no figure for {count} rules within {LIMIT_S:.0f} s"
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    return Figure(**json.loads(done.stdout))


def measure(report: Report, *, most: int, seconds: float) -> None:
    """Ask every engine, size by size."""
    for engine in ENGINES:
        if why := why_without(engine):
            report.missing[engine] = why
    if why := why_missing("opa"):
        report.missing["OPA server"] = why
    for count in (size for size in SIZES if size <= most):
        with tempfile.TemporaryDirectory() as name:
            keep(report, OURS, count, ours(Path(name), count, seconds=seconds))
        for engine in ENGINES:
            if engine in report.missing or count > LARGEST.get(engine, most):
                continue
            found = asked_elsewhere(engine, count, seconds=seconds)
            if isinstance(found, str):
                report.missing[engine] = found
            else:
                keep(report, engine, count, found)


def keep(report: Report, series: str, count: int, figure: Figure) -> None:
    """Print *figure* and put it into *report*."""
    print(f"{series:32}{count:>9,} rules {figure.median_us:>12,.1f} us  n={figure.n}", flush=True)
    report.rows.append(
        Row(
            series=series, unit="us of a core", value=figure.median_us, n=figure.n,
            axis="rules", at=count, beside="" if series == OURS else OURS,
        )
    )  # fmt: skip


def main() -> None:
    """Measure, print and write."""
    parser = options(__doc__)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--most", type=int, default=SIZES[-1], help="rules, at most")
    parser.add_argument("--quick", action="store_true", help="a thousand rules, at most")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.most, chosen.seconds = 1_000, 0.15
    describe_machine("medians of batches; ratios of peers are to ours at as many rules")
    report = Report(name="engines")
    measure(report, most=chosen.most, seconds=chosen.seconds)
    for peer, why in report.missing.items():
        print(f"missing: {peer}: {why}")
    report.write(chosen.json)


if __name__ == "__main__":
    main()
