# SPDX-License-Identifier: Apache-2.0
"""What the runner runs, in order, and how long each may take."""

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
WHOLE_S = 600.0
QUICK_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One run of one benchmark.

    Attributes:
        name: Of its results, ``bench/results/<name>.json``.
        quick: Its arguments under ``--quick``; ``None`` leaves it out, and the runner says so.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] | None = ()
    limit_s: float = 60.0


# The comparisons first: what is cut off by the whole time limit is what matters least.
STEPS = (
    Step(
        name="engines", module="bench.engines", limit_s=150,
        arguments=("--seconds", "0.5"), quick=("--seconds", "0.15", "--most", "1000"),
    ),
    Step(
        name="servers", module="bench.servers", limit_s=180,
        arguments=("--seconds", "2", "--rounds", "2"), quick=("--quick",),
    ),
    Step(
        name="entrances", module="bench.entrances", limit_s=90,
        arguments=("--seconds", "0.8"), quick=None,
    ),
    Step(name="decision", module="bench.decision", limit_s=150, quick=("--most", "10000")),
    Step(name="growth", module="bench.growth", limit_s=120, quick=("--most", "10000")),
    Step(name="startup", module="bench.startup", quick=None),
    Step(
        name="audit_append", module="bench.audit_append",
        arguments=("--rounds", "1", "--seconds", "1"), quick=("--quick",),
    ),
    Step(name="log_size", module="bench.log_size", quick=("--quick",)),
    Step(name="released", module="bench.released", limit_s=90, quick=("--quick",)),
    Step(name="crypto", module="bench.crypto", quick=None),
    Step(name="quotas", module="bench.quotas", quick=None),
    Step(name="egress_reading", module="bench.egress_reading", quick=None,
         arguments=("--rows", "5000")),
    Step(name="egress", module="bench.egress", arguments=("--quick",), quick=None),
    Step(name="audit_verify", module="bench.audit_verify", arguments=("--quick",), quick=None,
         limit_s=180),
)  # fmt: skip
# Benchmarks that the plan leaves to whoever wants them: another one there measures the same.
COVERED = {
    "grpc_api": "entrances",
    "decision_http": "entrances",
    "proxies": "entrances",
    "envoy": "entrances",
    "egress_index": "released",
}


def names_of(steps: tuple[Step, ...] = STEPS) -> tuple[str, ...]:
    """Return the names of *steps*."""
    return tuple(step.name for step in steps)


def benchmarks() -> list[str]:
    """Return the names of all benchmarks in this directory."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in HERE.glob("*.py")}
    return sorted(
        name for name, text in texts.items() if name != "__main__" and "\ndef main() " in text
    )


def unplanned() -> tuple[Step, ...]:
    """Return a step for each benchmark that neither the plan nor another step has."""
    planned = {step.module.rpartition(".")[2] for step in STEPS} | set(COVERED)
    return tuple(
        Step(name=name, module=f"bench.{name}", quick=None)
        for name in benchmarks()
        if name not in planned
    )


def exists(step: Step) -> bool:
    """Tell whether the benchmark of *step* is there."""
    return (HERE / f"{step.module.rpartition('.')[2]}.py").is_file()
