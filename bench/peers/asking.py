# SPDX-License-Identifier: Apache-2.0
"""How engines are asked: rules, questions to them, and the time of a question.

It imports nothing but the standard library, since peers run in environments of their own.
"""

import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

PURPOSE = "data_verification"
BATCH_S = 0.02
MOST_BATCHES = 50
QUESTIONS = 16


class Rule(NamedTuple):
    """One department may read one resource for one purpose."""

    department: str
    resource: str


class Figure(NamedTuple):
    """Median microseconds of processor time a decision, and of how many decisions."""

    median_us: float
    n: int


def rules(count: int) -> list[Rule]:
    """Return *count* rules over as many departments as resources."""
    side = math.isqrt(count - 1) + 1
    pairs = itertools.product(range(side), range(side))
    return [Rule(f"D-{d:05}", f"R{r:05}") for d, r in itertools.islice(pairs, count)]


def questions(of: Sequence[Rule]) -> list[Rule]:
    """Return some of the last tenth of the rules, the last one among them."""
    tail = of[-max(1, len(of) // 10) :]
    return list(tail[:: -max(1, len(tail) // QUESTIONS)])


def timed(decide: Callable[[Rule], bool], asked: Sequence[Rule], *, seconds: float) -> Figure:
    """Return what *decide* takes, once it has allowed all that is *asked* and refused a stranger.

    Raises:
        RuntimeError: If it answers wrongly.
    """
    stranger = Rule(asked[0].department, "R-none")
    if not all(decide(one) for one in asked) or decide(stranger):
        raise RuntimeError("the engine answers wrongly")
    turn = itertools.cycle(asked)
    each = _cost(decide, turn, 1)
    batch = max(1, round(BATCH_S / max(each, 1e-7)))
    end = time.perf_counter() + seconds
    costs: list[float] = []
    while len(costs) < MOST_BATCHES and (time.perf_counter() < end or not costs):
        costs.append(_cost(decide, turn, batch))
    return Figure(statistics.median(costs) * 1e6, batch * len(costs))


def _cost(decide: Callable[[Rule], bool], turn: Iterator[Rule], count: int) -> float:
    """Return the seconds of processor time of one of *count* decisions."""
    began = time.process_time()
    for _ in range(count):
        decide(next(turn))
    return (time.process_time() - began) / count
