# SPDX-License-Identifier: Apache-2.0
"""Histograms say what those of the library would say."""

import math

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics import Histogram

from govshare_sidecar.durations import BOUNDS, Durations

VALUES = st.lists(st.one_of(st.sampled_from(BOUNDS), st.floats(0, 20)), max_size=20)


def shown(registry: CollectorRegistry) -> list[str]:
    lines = generate_latest(registry).decode().splitlines()
    # When a histogram of the library began.
    return [line for line in lines if "_created" not in line]


@given(VALUES)
def test_a_histogram_reads_as_one_of_the_library(values: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    durations = Durations("some_seconds", "What it is.", registry=ours)
    histogram = Histogram("some_seconds", "What it is.", buckets=BOUNDS, registry=theirs)
    for value in values:
        durations.of().observe(value)
        histogram.observe(value)

    assert shown(ours) == shown(theirs)


@given(VALUES)
def test_so_do_histograms_with_a_label(values: list[float]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    durations = Durations("some_seconds", "What it is.", "entrance", registry=ours)
    histogram = Histogram(
        "some_seconds", "What it is.", ["entrance"], buckets=BOUNDS, registry=theirs
    )
    for number, value in enumerate(values):
        durations.of(f"e{number % 2}").observe(value)
        histogram.labels(f"e{number % 2}").observe(value)

    assert shown(ours) == shown(theirs)


def test_a_value_that_came_several_times_counts_as_often() -> None:
    registry = CollectorRegistry()
    Durations("some_seconds", "What it is.", registry=registry).of().observe(0.25, times=4)

    assert registry.get_sample_value("some_seconds_count") == 4
    assert registry.get_sample_value("some_seconds_bucket", {"le": "0.2"}) == 0
    assert registry.get_sample_value("some_seconds_bucket", {"le": "0.5"}) == 4
    assert math.isclose(registry.get_sample_value("some_seconds_sum") or 0, 1.0)
