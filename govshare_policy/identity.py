# SPDX-License-Identifier: Apache-2.0
"""Who calls: evidence goes in, an identity or the flaw in the evidence comes out."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final, Protocol

from govshare_policy.call import Call
from govshare_policy.register import Register

SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
MAX_CLOCK_SKEW: Final = timedelta(minutes=5)


class Flaw(StrEnum):
    """Why evidence does not prove an identity; also the code of the reason given."""

    NO_CERTIFICATE = "no_certificate"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_REVOKED = "certificate_revoked"
    CERTIFICATE_UNREGISTERED = "certificate_unregistered"
    CLAIM_DIFFERS = "claim_differs"
    CLOCK_DIFFERS = "clock_differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the transport saw. No evidence at all is a value too, and proves nothing.

    Attributes:
        spki: SM3 of the DER SubjectPublicKeyInfo of the client's certificate; 32 bytes.
        not_before: Start of the certificate's validity.
        not_after: End of the certificate's validity.
        network: The network the listener stands on.
    """

    spki: bytes | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    network: str = "extranet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who calls, as proven; with a *flaw*, nobody.

    Attributes:
        spki: SM3 of the key that proved it; ``None`` where identity is only assumed.
        assumed: Whether the claims were taken as given (offline checking, never on the wire).
    """

    department: str = ""
    system: str = ""
    network: str = "extranet"
    spki: bytes | None = None
    assumed: bool = False
    flaw: Flaw | None = None


class Trust(Protocol):
    """Turns evidence into an identity."""

    def identify(self, call: Call, evidence: Evidence, *, at: datetime) -> Identity:
        """Return who calls, or an identity with a flaw; never raise for bad evidence."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedTrust:
    """Takes a call's claims as given: the offline check of "what would be answered"."""

    def identify(self, call: Call, evidence: Evidence, *, at: datetime) -> Identity:  # noqa: ARG002
        """Return the claimed identity."""
        return Identity(
            department=call.department,
            system=call.system,
            network=call.network,
            assumed=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateTrust:
    """Knows systems by the keys of their certificates, as ``certificates.tsv`` registers them."""

    register: Register

    def identify(self, call: Call, evidence: Evidence, *, at: datetime) -> Identity:
        """Return the registered system behind the certificate.

        A claim in the call that differs from what the certificate, the listener or the clock
        says is a flaw: the caller and the sidecar do not mean the same call.
        """
        flaw, system = self._holder(evidence, at)
        if flaw is not None:
            return _nobody(evidence, flaw)
        department = self.register.systems[system].department
        claims = (
            (call.department, department),
            (call.system, system),
            (call.network, evidence.network),
        )
        if any(claim and claim != proven for claim, proven in claims):
            return _nobody(evidence, Flaw.CLAIM_DIFFERS)
        if call.at is not None and abs(call.at - at) > MAX_CLOCK_SKEW:
            return _nobody(evidence, Flaw.CLOCK_DIFFERS)
        return Identity(
            department=department, system=system, network=evidence.network, spki=evidence.spki
        )

    def _holder(self, evidence: Evidence, at: datetime) -> tuple[Flaw | None, str]:
        if evidence.spki is None:
            return Flaw.NO_CERTIFICATE, ""
        if evidence.not_after is None or evidence.not_after < at:
            return Flaw.CERTIFICATE_EXPIRED, ""
        if evidence.not_before is None or evidence.not_before > at:
            return Flaw.CERTIFICATE_NOT_YET_VALID, ""
        return self._registered(evidence.spki, legal_day(at))

    def _registered(self, spki: bytes, day: date) -> tuple[Flaw | None, str]:
        rows = self.register.certificates.get(spki, ())
        if not rows:
            return Flaw.CERTIFICATE_UNREGISTERED, ""
        in_force = [row for row in rows if row.valid_from <= day <= row.valid_to]
        if not in_force:
            started = any(row.valid_from <= day for row in rows)
            late = Flaw.CERTIFICATE_EXPIRED if started else Flaw.CERTIFICATE_NOT_YET_VALID
            return late, ""
        if any(row.revoked_on is not None and row.revoked_on <= day for row in rows):
            return Flaw.CERTIFICATE_REVOKED, ""
        return None, in_force[0].system


def legal_day(at: datetime) -> date:
    """Return the calendar day in Asia/Shanghai, which is the day the law counts."""
    return at.astimezone(SHANGHAI).date()


def _nobody(evidence: Evidence, flaw: Flaw) -> Identity:
    return Identity(network=evidence.network, spki=evidence.spki, flaw=flaw)
