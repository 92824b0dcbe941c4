# SPDX-License-Identifier: Apache-2.0
"""The listeners of the HTTP entrances that decide and do not carry data."""

from collections.abc import AsyncIterator
from functools import partial

from govshare_sidecar.auth_request import AuthRequest
from govshare_sidecar.authzen import Authzen
from govshare_sidecar.config import Config
from govshare_sidecar.desk import Desk
from govshare_sidecar.door import door
from govshare_sidecar.evidence import ClientAuthorities
from govshare_sidecar.listeners import HttpListener, proxy_tls_context
from govshare_sidecar.metrics import Metrics
from govshare_sidecar.tls_reload import LiveTls


async def open_doors(
    config: Config,
    *,
    desk: Desk,
    authorities: ClientAuthorities,
    tls: LiveTls,
    metrics: Metrics,
) -> AsyncIterator[tuple[str, HttpListener]]:
    """Open the listeners that *config* asks for; each comes with the name of its table.

    Raises:
        ConfigError: If an address or a file cannot be used.
    """
    if config.authzen is not None:
        authzen = Authzen(
            config.authzen,
            desk=desk,
            authorities=authorities,
            metrics=metrics,
            limits=config.limits,
        )
        listener = await HttpListener.start(
            door(authzen), config.authzen.listen, key="authzen.listen", tls=tls.context()
        )
        yield "authzen", listener
    if config.auth_request is not None:
        client_ca = config.auth_request.client_ca
        auth_request = AuthRequest(
            config.auth_request,
            desk=desk,
            authorities=authorities,
            proxies=tls.authorities_of(client_ca),
            metrics=metrics,
        )
        listener = await HttpListener.start(
            door(auth_request),
            config.auth_request.listen,
            key="auth_request.listen",
            tls=tls.context(partial(proxy_tls_context, client_ca=client_ca)),
        )
        yield "auth_request", listener
