# SPDX-License-Identifier: Apache-2.0
"""What a full decision costs, with facts, reasons and clauses, and how it grows with the grants.

Usage: ``python -m bench.decision [--most 1000000] [--quick]``. Calls are drawn at random from all
grants, so that of many grants hardly any was looked at before. Beside it, over the same scope
lines, pycasbin and the index that stands in its place: an answer has to be the same, at whatever
cost.
"""

import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import casbin
from casbin.model import Model

from bench.audit_common import describe_machine
from bench.report import Report, Row, options
from govshare_policy.call import Call, parse_call
from govshare_policy.decision import decide
from govshare_policy.facts import RegisterFacts
from govshare_policy.identity import Identity
from govshare_policy.legal import Outcome
from govshare_policy.policy import Bundle, load_bundle, packs_directory
from govshare_policy.policy._casbin import CasbinModel, parse_model
from govshare_policy.policy._matcher import Lines, compile_matcher
from govshare_policy.register import Grant, Register, load_register
from govshare_policy.register._columns import COLUMNS
from govshare_policy.register.model import Period

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
SIDE = 1000
FIELDS = ("id_no", "name", "status")
DRAWN = 2000
BATCHES = 15
QUICK_MOST = 1_000
LINES_MOST = 10_000
# Header, and a row by its number, of what a register of any size needs beside grants.
FILES = {
    "departments.tsv": (
        "dept_id\tname_zh\tname_en\tsubject_type",
        "D{0:04}\t部门{0}\tDepartment {0}\tgov_department",
    ),
    "systems.tsv": ("system_id\tname_zh\tdept_id", "S{0:04}\t系统{0}\tD{0:04}"),
    "resources.tsv": (
        "\t".join(COLUMNS["resources.tsv"][0]),
        "R{0:04}\t资源{0}\tD{0:04}\tconditional\tapi\tN\tid_no,name,status,changed_on\tN",
    ),
    "grants.tsv": (
        "\t".join(COLUMNS["grants.tsv"][0]),
        "",
    ),
}


def write_registers(directory: Path) -> None:
    """Write 1,000 departments, systems and resources, and no grant."""
    for name, (header, row) in FILES.items():
        rows = [row.format(number) for number in range(SIDE)] if row else []
        (directory / name).write_text("\n".join([header, *rows, ""]), encoding="utf-8")


def grants(count: int) -> list[Grant]:
    """Return *count* grants, no two of them of one department for one resource."""
    period = Period(valid_from=date(2025, 1, 1), valid_to=date(2026, 12, 31))
    ends = [(f"D{number:04}", f"R{number:04}", (f"S{number:04}",)) for number in range(SIDE)]
    return [
        Grant(
            id=f"G{number:07}", resource=ends[number // SIDE][1], department=ends[number % SIDE][0],
            systems=ends[number % SIDE][2], purposes=("data_verification",), fields=FIELDS,
            channels=("api",), period=period, granted_by="provider", daily_quota=None, spki=None,
        )
        for number in range(count)
    ]  # fmt: skip


def with_grants(base: Register, count: int) -> Register:
    """Return *base* with *count* grants."""
    made = grants(count)
    by_pair = {(one.department, one.resource): (one,) for one in made}
    return replace(base, grants={one.id: one for one in made}, grants_of=by_pair)


def calls(register: Register, *, named: bool) -> list[tuple[Call, Identity]]:
    """Return calls of systems that were granted what they ask for, each with who makes it."""
    chosen = random.Random(7).choices(list(register.grants.values()), k=DRAWN)  # noqa: S311
    return [
        (
            parse_call(
                json.dumps(
                    {
                        "id": "bench", "at": AT.isoformat(), "action": "read",
                        "department": one.department, "system": one.systems[0],
                        "resource": one.resource, "fields": ["id_no", "status"],
                        "purpose": "data_verification", "grant": one.id if named else "",
                    }
                )
            ),
            Identity(department=one.department, system=one.systems[0], assumed=True),
        )
        for one in chosen
    ]  # fmt: skip


def measure(asked: Sequence[tuple[Call, Identity]], bundle: Bundle) -> list[float]:
    """Return what a decision took in each batch, in microseconds of processor time."""
    facts = RegisterFacts(register=bundle.register)
    if any(
        decide(call, facts.gather(call, who, at=AT), bundle).outcome is not Outcome.ALLOW
        for call, who in asked
    ):
        raise RuntimeError("a granted call was refused")
    costs = []
    for _ in range(BATCHES):
        began = time.process_time()
        for call, who in asked:
            decide(call, facts.gather(call, who, at=AT), bundle)
        costs.append((time.process_time() - began) / len(asked) * 1e6)
    return costs


def decisions(base: Register, report: Report, *, most: int) -> None:
    """Print what a decision costs over registers of several sizes."""
    print(f"{'grants':>10}{'named':>10}{'found':>10}   µs a decision, median of {BATCHES} batches")
    for count in (10, 1_000, 100_000, 1_000_000):
        if count > most:
            continue
        bundle = load_bundle("hubei", with_grants(base, count))
        told = []
        for series, named in (("a decision, grant named", True), ("grant found", False)):
            costs = measure(calls(bundle.register, named=named), bundle)
            told.append(statistics.median(costs))
            report.rows.append(
                Row(series=series, unit="µs", value=told[-1], n=len(costs), axis="grants", at=count)
            )
        print(f"{count:>10,}" + "".join(f"{cost:>10.1f}" for cost in told))


def plain(model: CasbinModel, lines: Sequence[Sequence[str]]) -> casbin.Enforcer:
    """Return pycasbin over *lines*."""
    parsed = Model()
    parsed.load_model_from_text(model.text)
    for line in lines:
        parsed.add_policy("p", "p", list(line))
    return casbin.Enforcer(parsed)


def cost(ask: Callable[[], object], *, seconds: float = 0.5) -> tuple[float, int]:
    """Return the median microseconds of *ask* and of how many times."""
    costs: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(costs) < BATCHES:
        began = time.perf_counter()
        ask()
        costs.append((time.perf_counter() - began) * 1e6)
    return statistics.median(costs), len(costs)


def side_by_side(bundle: Bundle, report: Report) -> None:
    """Print pycasbin and the index over the same scope lines, asked for the last of them."""
    text = (packs_directory() / "common" / "scope.conf").read_text(encoding="utf-8")
    model = parse_model(text, name="scope.conf")
    matcher = compile_matcher(model.matcher, request=model.request, policy=model.policy, members={})
    every = [line for one in grants(LINES_MOST) for line in bundle.texts[0].scope.lines(one)]
    print(f"\n{'lines':>10}{'pycasbin µs':>14}{'index µs':>12}{'ratio':>10}")
    for count in (10, 1_000, LINES_MOST):
        lines = every[:count]
        index, enforcer = Lines(matcher, lines), plain(model, lines)
        last = lines[-1]
        request = (*last[:3], "2026-01-05", last[5], "any" if last[6] == "*" else last[6])
        if not enforcer.enforce(*request) or index.hits(request) != (count - 1,):
            raise RuntimeError("the two do not agree")
        slow, asked = cost(lambda at=enforcer, of=request: at.enforce(*of))  # type: ignore[misc]
        fast, times = cost(lambda at=index, of=request: at.hits(of))  # type: ignore[misc]
        for series, value, n, beside in (
            ("pycasbin, scope lines", slow, asked, ""),
            ("index, scope lines", fast, times, "pycasbin, scope lines"),
        ):
            report.rows.append(
                Row(series=series, unit="µs", value=value, n=n, axis="lines", at=count,
                    beside=beside)
            )  # fmt: skip
        print(f"{count:>10,}{slow:>14,.1f}{fast:>12.2f}{slow / fast:>10,.0f}")


def main() -> None:
    """Measure for about a minute."""
    parser = options(__doc__)
    parser.add_argument("--most", type=int, default=1_000_000, help="grants")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_MOST:,} grants at most")
    chosen = parser.parse_args()
    most = min(QUICK_MOST, chosen.most) if chosen.quick else chosen.most
    describe_machine(f"{DRAWN} calls drawn at random, {BATCHES} rounds over them, one process")
    report = Report(name="decision", n=BATCHES)
    with TemporaryDirectory() as name:
        write_registers(Path(name))
        base = load_register(Path(name))
    decisions(base, report, most=most)
    side_by_side(load_bundle("hubei", base), report)
    report.write(chosen.json)


if __name__ == "__main__":
    main()
