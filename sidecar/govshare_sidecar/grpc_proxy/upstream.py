# SPDX-License-Identifier: Apache-2.0
"""A department's gRPC API: asked after a call was allowed and recorded, and never before."""

import asyncio
from collections.abc import AsyncIterable, Callable
from datetime import datetime
from typing import Any, Final, Self, TypeAlias
from urllib.parse import urlsplit

import grpc

from govshare_policy.upstream import HEADER, rpc_request
from govshare_sidecar.grpc_proxy.call import FIELDS, Metadata
from govshare_sidecar.grpc_proxy.settings import GrpcProxyConfig, RpcRoute
from govshare_sidecar.upstream import Fault, UpstreamError, vouched
from govshare_sidecar.upstream_identity import Voucher, channel_credentials

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

    def __init__(self, config: GrpcProxyConfig, *, voucher: Voucher | None) -> None:
        self._config = config
        self._voucher = voucher
        # Replaced by the event loop only; an RPC keeps the one that it was begun on.
        self._channel = _channel(config)
        self._leaving: set[asyncio.Task[None]] = set()

    @classmethod
    def open(cls, config: GrpcProxyConfig, *, now: Callable[[], datetime]) -> Self:
        """Return a connection to the API that *config* names; nothing is asked yet.

        Raises:
            ConfigError: If the authorities of the API, or what it is shown, cannot be loaded.
        """
        signature = config.shown.signature
        voucher = None if signature is None else Voucher.open(signature, now=now)
        return cls(config, voucher=voucher)

    def reload(self) -> None:
        """Show the certificate that the files hold now to every RPC from now on.

        Raises:
            ConfigError: If a file cannot be used; then what was shown is shown further on.
        """
        if self._config.shown.certificate is None:
            return
        old, self._channel = self._channel, _channel(self._config)
        leaving = asyncio.create_task(old.close(self._config.stream_timeout_s))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def vouched(self, route: RpcRoute, metadata: Metadata, message: bytes) -> Metadata:
        """Return *metadata* with the signature on the RPC, if it is to have one.

        Args:
            route: What is asked.
            metadata: All that is sent.
            message: The one that is sent, or nothing where they come in a stream.

        Raises:
            UpstreamError: If the key cannot be used any more.
        """
        if self._voucher is None:
            return metadata
        sent = dict(metadata)
        request = rpc_request(route.path, fields=str(sent[FIELDS]), message=message)
        signature = await vouched(self._voucher, request, str(sent["govshare-record"]))
        return (*metadata, (HEADER.lower(), signature))

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
        for leaving in tuple(self._leaving):
            leaving.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
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


def _channel(config: GrpcProxyConfig) -> grpc.aio.Channel:
    parts = urlsplit(config.upstream)
    options = (("grpc.max_receive_message_length", config.max_response_bytes), *_OPTIONS)
    if parts.scheme == "http":
        return grpc.aio.insecure_channel(parts.netloc, options=options)
    credentials = channel_credentials(config.shown, config.upstream_ca)
    return grpc.aio.secure_channel(parts.netloc, credentials, options=options)
