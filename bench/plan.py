# SPDX-License-Identifier: Apache-2.0
"""What the runner runs, in order, and how long each may take."""

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
WHOLE_S = 2400.0
QUICK_S = 360.0
QUICK = ("--quick",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One run of one benchmark.

    Attributes:
        name: Of its results, ``bench/results/<name>.json``.
        quick: Its arguments under ``--quick``.
        limit_s: As long as it may take, peers installed on the way.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] = QUICK
    limit_s: float = 120.0


# The comparisons first: what is cut off by the whole time limit is what matters least.
STEPS = (
    Step(name="engines", module="bench.engines", limit_s=360),
    Step(name="servers", module="bench.servers", limit_s=720),
    Step(name="batches", module="bench.batches", limit_s=480),
    Step(name="http_proxy", module="bench.http_proxy", limit_s=300),
    Step(name="transport", module="bench.transport", quick=("--calls", "1000", "--rounds", "1")),
    Step(name="entrances", module="bench.entrances", limit_s=180),
    Step(name="decision", module="bench.decision", limit_s=300),
    Step(name="growth", module="bench.growth", limit_s=300),
    Step(name="startup", module="bench.startup"),
    Step(name="audit_append", module="bench.audit_append"),
    Step(name="log_size", module="bench.log_size"),
    Step(name="audit_verify", module="bench.audit_verify", arguments=("--share", "10"),
         limit_s=300),
    Step(name="released", module="bench.released", limit_s=180),
    Step(name="upstream", module="bench.upstream"),
    Step(name="crypto", module="bench.crypto", quick=()),
    Step(name="quotas", module="bench.quotas"),
    Step(name="egress_reading", module="bench.egress_reading", arguments=("--rows", "5000"),
         quick=("--rows", "1000")),
    Step(name="egress", module="bench.egress", limit_s=300,
         arguments=("--released", "2000", "--documents", "1000", "--seconds", "0.5")),
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
        Step(name=name, module=f"bench.{name}") for name in benchmarks() if name not in planned
    )


def exists(step: Step) -> bool:
    """Tell whether the benchmark of *step* is there."""
    return (HERE / f"{step.module.rpartition('.')[2]}.py").is_file()
