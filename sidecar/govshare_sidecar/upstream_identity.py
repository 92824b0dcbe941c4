# SPDX-License-Identifier: Apache-2.0
"""The sidecar's own certificate and signature towards a department's API."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

import grpc

from govshare_policy.crypto import Signer, open_signer
from govshare_policy.errors import ConfigError
from govshare_policy.upstream import Request, sign_request
from govshare_sidecar._table import why
from govshare_sidecar.upstream_settings import ShownConfig, SignatureConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    """Signs requests for one API."""

    signer: Signer
    audience: str
    now: Callable[[], datetime]

    @classmethod
    def open(cls, config: SignatureConfig, *, now: Callable[[], datetime]) -> Self:
        """Return what signs with the key of *config*.

        Raises:
            ConfigError: If the key cannot be used.
        """
        signer = open_signer(config.key, config.passphrase)
        return cls(signer=signer, audience=config.audience, now=now)

    async def vouch(self, request: Request, record: str) -> str:
        """Return the signature on *request*, which was allowed under *record*.

        Raises:
            ConfigError: If the key cannot be used any more.
            SignatureError: If what it made does not verify.
        """
        # In a thread: a device may take its time, and the arithmetic takes a millisecond.
        return await asyncio.to_thread(
            sign_request,
            request,
            self.signer,
            record=record,
            audience=self.audience,
            at=self.now(),
        )


def client_context(shown: ShownConfig, authorities: Path | None, *, table: str) -> ssl.SSLContext:
    """Return the TLS towards the API of *table*: whom it believes, and what it shows.

    Raises:
        ConfigError: If a file cannot be used, or certificate and key do not belong together.
    """
    try:
        context = ssl.create_default_context(cafile=authorities)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"the authorities in `{table}.upstream_ca` cannot be loaded") from error
    if shown.certificate is None or shown.key is None:
        return context
    try:
        # Without a passphrase of its own, a key under one would be asked for on the terminal.
        context.load_cert_chain(shown.certificate, shown.key, password=_no_passphrase)
    except (OSError, ValueError):
        raise ConfigError(
            f"`{table}.upstream_certificate` and its key cannot be loaded together"
        ) from None
    return context


def channel_credentials(shown: ShownConfig, authorities: Path | None) -> grpc.ChannelCredentials:
    """Return the same for gRPC.

    Raises:
        ConfigError: If a file cannot be used.
    """
    # gRPC says nothing of files that do not belong together until it connects.
    client_context(shown, authorities, table="grpc_proxy")
    return grpc.ssl_channel_credentials(
        root_certificates=None if authorities is None else _bytes(authorities),
        private_key=None if shown.key is None else _bytes(shown.key),
        certificate_chain=None if shown.certificate is None else _bytes(shown.certificate),
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"`{path.name}` cannot be read: {why(error)}") from None


def _no_passphrase() -> str:
    raise ValueError
