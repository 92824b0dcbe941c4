# SPDX-License-Identifier: Apache-2.0
"""Further listeners of the reverse proxy: national algorithms, and a front end on this machine."""

from dataclasses import replace

from govshare_sidecar.config import Config, HttpConfig
from govshare_sidecar.desk import Desk
from govshare_sidecar.door import door
from govshare_sidecar.front_end import FrontEnd, FrontEndListener
from govshare_sidecar.listeners import HttpListener
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.proxy import Proxy
from govshare_sidecar.tls_tables import TlsTables
from govshare_sidecar.upstream import Upstream


async def open_national(
    config: Config,
    http: HttpConfig,
    upstream: Upstream,
    tls: TlsTables,
    *,
    desk: Desk,
    metrics: Metrics,
) -> HttpListener | None:
    """Open the listener of ``[national_tls]``, if there is one, in front of the API of *http*.

    Raises:
        ConfigError: If the address cannot be listened on.
    """
    if config.national_tls is None or tls.national is None:
        return None
    proxy = Proxy(
        replace(http, network=config.national_tls.network),
        desk=desk,
        upstream=upstream,
        authorities=tls.national.authorities,
        metrics=metrics,
    )
    return await HttpListener.start(
        door(proxy),
        config.national_tls.listen,
        key="national_tls.listen",
        tls=tls.national.context(),
    )


async def open_front_end(
    config: Config,
    http: HttpConfig,
    upstream: Upstream,
    tls: TlsTables,
    *,
    desk: Desk,
    metrics: Metrics,
) -> FrontEndListener | None:
    """Open the listener of ``[front_end]``, if there is one, in front of the API of *http*.

    Raises:
        ConfigError: If the socket cannot be listened on.
    """
    if config.front_end is None or tls.front_end is None:
        return None
    front_end = FrontEnd(config=config.front_end)
    proxy = Proxy(
        replace(http, network=config.front_end.network),
        desk=desk,
        upstream=upstream,
        authorities=tls.front_end,
        metrics=metrics,
        certificate_of=front_end.certificate_of,
    )
    return await FrontEndListener.start(door(proxy), config.front_end)
