# SPDX-License-Identifier: Apache-2.0
"""Asking a witness to sign. Nothing that it answers is believed before it is verified."""

import ssl
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final, Self

import aiohttp

from govshare_policy.audit import Checkpoint, Continuation
from govshare_policy.audit.checkpoint import MAX_NOTE_BYTES, NoteSignature, key_id
from govshare_policy.audit.witness import verify_cosigned
from govshare_policy.errors import AuditError, ConfigError, VerificationError
from govshare_sidecar.witness.peers import PeerConfig
from govshare_sidecar.witness.store import log_id

_MAX_DIGITS: Final = 19


class PeerError(AuditError):
    """A witness did not answer, or not as a witness does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """The witness signed another size last, and says which."""

    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuted:
    """The witness says that the checkpoint does not continue what it signed last."""


class Peer:
    """One witness, over connections that are kept open."""

    def __init__(self, session: aiohttp.ClientSession, config: PeerConfig) -> None:
        self._session = session
        self._config = config

    @classmethod
    def open(cls, config: PeerConfig, *, timeout_s: float) -> Self:
        """Return the witness that *config* names; nothing is asked yet.

        Raises:
            ConfigError: If the authorities of its address cannot be loaded.
        """
        try:
            tls = ssl.create_default_context(cafile=config.ca)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(
                f"the `ca` of the witness `{config.name}` cannot be loaded"
            ) from error
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return cls(session, config)

    @property
    def name(self) -> str:
        """Its name."""
        return self._config.name

    async def add(self, request: Continuation) -> Checkpoint | Stale | Refuted:
        """Return the checkpoint of *request* with the signature of the witness, or what it says.

        Raises:
            PeerError: If it did not answer, or its signature is not its own.
        """
        url = f"{self._config.url}/add-checkpoint"
        body = request.to_text().encode()
        status, answer = await self._ask("POST", url, body)
        if status == HTTPStatus.OK:
            return self._verify_line(Checkpoint.from_note(request.checkpoint), answer)
        if status == HTTPStatus.CONFLICT:
            return self._read_size(answer, request)
        if status == HTTPStatus.UNPROCESSABLE_ENTITY:
            return Refuted()
        raise PeerError(f"the witness `{self.name}` did not sign, it answered with status {status}")

    async def last(self, origin: str) -> Checkpoint:
        """Return the last checkpoint of the log *origin* that the witness signed.

        Raises:
            PeerError: If it did not answer, or with a checkpoint that it did not sign.
        """
        status, answer = await self._ask("GET", f"{self._config.url}/checkpoint/{log_id(origin)}")
        if status != HTTPStatus.OK:
            raise PeerError(f"the witness `{self.name}` does not show what it signed")
        try:
            kept = Checkpoint.from_note(answer)
            self.verify(kept, origin)
        except VerificationError as error:
            raise PeerError(
                f"the witness `{self.name}` shows what it did not sign: {error}"
            ) from None
        return kept

    def verify(self, checkpoint: Checkpoint, origin: str) -> None:
        """Return only if the witness signed *checkpoint*, a state of the log *origin*.

        Raises:
            VerificationError: If it did not.
        """
        if checkpoint.origin != origin:
            raise VerificationError("it is of another log")
        verify_cosigned(checkpoint, self.name, self._config.public)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._session.close()

    def _verify_line(self, checkpoint: Checkpoint, answer: bytes) -> Checkpoint:
        """Return *checkpoint* with the line of *answer* that is of this witness."""
        wanted = (self.name, key_id(self.name, self._config.public))
        try:
            lines = [NoteSignature.from_line(line) for line in answer.decode().splitlines()]
            own = next(line for line in lines if (line.name, line.key_id) == wanted)
            cosigned = replace(checkpoint, signatures=(*checkpoint.signatures, own))
            self.verify(cosigned, checkpoint.origin)
        except (UnicodeDecodeError, StopIteration, VerificationError):
            raise PeerError(f"the witness `{self.name}` answered without its signature") from None
        return cosigned

    def _read_size(self, answer: bytes, request: Continuation) -> Stale | Refuted:
        text = answer.removesuffix(b"\n")
        if not (text.isdigit() and len(text) <= _MAX_DIGITS):
            raise PeerError(f"the witness `{self.name}` does not say which size it signed")
        # The size that it was told, and yet a conflict: the roots differ.
        return Refuted() if int(text) == request.old_size else Stale(size=int(text))

    async def _ask(self, method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
        try:
            async with self._session.request(
                method, url, data=body, allow_redirects=False
            ) as response:
                answer = bytearray()
                async for chunk in response.content.iter_any():
                    answer += chunk
                    if len(answer) > MAX_NOTE_BYTES:
                        raise PeerError(f"the witness `{self.name}` answers without an end")
                return response.status, bytes(answer)
        except TimeoutError:
            raise PeerError(f"the witness `{self.name}` did not answer in time") from None
        except (aiohttp.ClientError, OSError, ValueError):
            raise PeerError(f"the witness `{self.name}` cannot be reached") from None
