# SPDX-License-Identifier: Apache-2.0
"""A department's gRPC API: asked after a call was allowed and recorded, and never before."""

from collections.abc import AsyncIterable
from pathlib import Path
from typing import Any, Final, Self, TypeAlias
from urllib.parse import urlsplit

import grpc

from govshare_policy.errors import ConfigError
from govshare_sidecar._table import why
from govshare_sidecar.grpc_proxy_call import Metadata
from govshare_sidecar.grpc_proxy_settings import GrpcProxyConfig, RpcRoute
from govshare_sidecar.upstream import Fault, UpstreamError

RpcCall: TypeAlias = Any  # one of four classes that share no useful base
_TOO_LARGE: Final = "larger than max"
_FAULTS: Final = {
    grpc.StatusCode.UNAVAILABLE: (Fault.UNREACHABLE, "the department's API cannot be reached"),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        Fault.TIMEOUT,
        "the department's API did not answer in time",
    ),
    grpc.StatusCode.NOT_FOUND: (Fault.NO_SUCH_RECORD, "there is no such record"),
}
_OTHERWISE: Final = (Fault.STATUS, "the department's API did not answer with success")
_OPTIONS: Final = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.service_config_disable_resolution", 1),
    # Messages as they are, so that none grows when it is unpacked.
    ("grpc.compression_enabled_algorithms_bitset", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class GrpcUpstream:
    """A connection to one API. Nothing is retried."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    @classmethod
    def open(cls, config: GrpcProxyConfig) -> Self:
        """Return a connection to the API that *config* names; nothing is asked yet.

        Raises:
            ConfigError: If the authorities of the API cannot be read.
        """
        parts = urlsplit(config.upstream)
        options = (("grpc.max_receive_message_length", config.max_response_bytes), *_OPTIONS)
        if parts.scheme == "http":
            return cls(grpc.aio.insecure_channel(parts.netloc, options=options))
        credentials = grpc.ssl_channel_credentials(_authorities(config.upstream_ca))
        return cls(grpc.aio.secure_channel(parts.netloc, credentials, options=options))

    def ask(
        self,
        route: RpcRoute,
        argument: bytes | AsyncIterable[bytes],
        *,
        metadata: Metadata,
        timeout_s: float,
    ) -> RpcCall:
        """Begin the RPC of *route* with one message, or a stream of them."""
        method = route.method
        kinds: dict[tuple[bool, bool], Any] = {
            (False, False): self._channel.unary_unary,
            (False, True): self._channel.unary_stream,
            (True, False): self._channel.stream_unary,
            (True, True): self._channel.stream_stream,
        }
        begin = kinds[method.client_streaming, method.server_streaming](route.path)
        return begin(argument, metadata=metadata, timeout=timeout_s)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._channel.close()


def fault_of(error: grpc.RpcError) -> UpstreamError:
    """Return what was wrong, without a word that the API said about it."""
    code, details = error.code(), error.details() or ""
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE in details:
        return UpstreamError(Fault.TOO_LARGE, "a message of the department's API is too large")
    return fault_of_code(code)


def fault_of_code(code: grpc.StatusCode | None) -> UpstreamError:
    """Return what an API says with *code*, which is not success."""
    return UpstreamError(*(_OTHERWISE if code is None else _FAULTS.get(code, _OTHERWISE)))


def _authorities(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"`{path.name}` cannot be read: {why(error)}") from None
