# SPDX-License-Identifier: Apache-2.0
"""Histograms of seconds that one event loop fills.

Those of the library take two locks for each value, which costs more than finding its place; here
every call leaves four values.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import accumulate
from types import TracebackType
from typing import Final

from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

# Upper bounds, themselves within; seconds.
BOUNDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
_SHOWN: Final = tuple(map(floatToGoString, (*BOUNDS, float("inf"))))


class Seconds:
    """How many values lie up to each bound. Owned by the event loop."""

    __slots__ = ("_counts", "_sum_s")

    def __init__(self) -> None:
        self._counts = [0] * len(_SHOWN)
        self._sum_s = 0.0

    def observe(self, seconds: float, *, times: int = 1) -> None:
        """Count a value, or several that are alike."""
        self._counts[bisect_left(BOUNDS, seconds)] += times
        self._sum_s += seconds * times

    def show(self, family: HistogramMetricFamily, labels: list[str]) -> None:
        """Add everything to *family*."""
        rising = zip(_SHOWN, accumulate(self._counts), strict=True)
        family.add_metric(labels, [(bound, count) for bound, count in rising], self._sum_s)


class Durations(Collector):
    """The histogram *name*, or one for each value of *label*. Owned by the event loop."""

    def __init__(
        self, name: str, text: str, label: str = "", *, registry: CollectorRegistry
    ) -> None:
        self._name = name
        self._text = text
        self._labels = [label] if label else []
        self._values: dict[str, Seconds] = {} if label else {"": Seconds()}
        registry.register(self)

    def of(self, value: str = "") -> Seconds:
        """Return those of *value*; it is one of a closed list."""
        found = self._values.get(value)
        if found is None:
            found = self._values[value] = Seconds()
        return found

    def collect(self) -> Iterator[Metric]:
        """Yield everything once."""
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for value, seconds in self._values.items():
            seconds.show(family, [value] if self._labels else [])
        yield family


class Timed(AbstractContextManager[None]):
    """Measures what is inside its ``with``, and counts it whatever becomes of it; for one use."""

    __slots__ = ("_began", "_seconds", "_times")

    def __init__(self, seconds: Seconds, *, times: int = 1) -> None:
        self._seconds = seconds
        self._times = times
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._seconds.observe(time.perf_counter() - self._began, times=self._times)
