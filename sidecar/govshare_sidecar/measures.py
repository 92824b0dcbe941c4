# SPDX-License-Identifier: Apache-2.0
"""What is measured of a call, and shown in traces where there are any."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from govshare_sidecar.metrics import Metrics, Stage
from govshare_sidecar.tracing import Tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Both at once; most sidecars have no traces, and pay nothing for them."""

    metrics: Metrics
    tracing: Tracing

    def call(self, entrance: str) -> AbstractContextManager[None]:
        """Measure and trace what is inside the ``with`` as one call at *entrance*."""
        timed = self.metrics.timed_call(entrance)
        return _both(timed, self.tracing.call(entrance)) if self.tracing.is_on else timed

    def stage(self, stage: Stage) -> AbstractContextManager[None]:
        """Measure and trace what is inside the ``with`` as *stage* of a call."""
        timed = self.metrics.timed(stage)
        return _both(timed, self.tracing.stage(stage)) if self.tracing.is_on else timed


@contextmanager
def _both(*around: AbstractContextManager[None]) -> Iterator[None]:
    with ExitStack() as stack:
        for each in around:
            stack.enter_context(each)
        yield
