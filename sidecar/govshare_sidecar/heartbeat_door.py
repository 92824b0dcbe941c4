# SPDX-License-Identifier: Apache-2.0
"""The listener of ``[heartbeats]``, opened with all that stands behind it."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime

from govshare_policy.egress.heartbeat_keeper import HeartbeatKeeper
from govshare_sidecar.desk import Desk
from govshare_sidecar.door import door
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.heartbeat_settings import HeartbeatsConfig
from govshare_sidecar.heartbeat_watch import HeartbeatMetrics, HeartbeatWatch
from govshare_sidecar.heartbeats import Heartbeats
from govshare_sidecar.listeners import HttpListener
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.tls_reload import LiveTls


async def open_heartbeats(
    config: HeartbeatsConfig,
    stack: AsyncExitStack,
    *,
    desk: Desk,
    authorities: ClientAuthorities,
    tls: LiveTls,
    metrics: Metrics,
    now: Callable[[], datetime],
) -> HttpListener:
    """Open it, and look for gaps until *stack* closes.

    Raises:
        ConfigError: If the address cannot be listened on.
        AuditError: If what is kept cannot be used.
    """
    keeper = HeartbeatKeeper(config.kept)
    counted = HeartbeatMetrics(metrics.registry)
    watch = HeartbeatWatch(config, keeper, counted, now=now)
    heartbeats = Heartbeats(
        config,
        keeper=keeper,
        desk=desk,
        authorities=authorities,
        metrics=metrics,
        counted=counted,
        now=now,
    )
    listener = await HttpListener.start(
        door(heartbeats), config.listen, key="heartbeats.listen", tls=tls.context()
    )
    stack.push_async_callback(watch.stop)
    watch.go_on()
    return listener
