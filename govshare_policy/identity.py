# SPDX-License-Identifier: Apache-2.0
"""Who calls: evidence goes in, an identity or the flaw in the evidence comes out."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final, Protocol

from govshare_policy.call import Call
from govshare_policy.envelope import Fault, Opened, Presented, verify_says
from govshare_policy.errors import IdentityError
from govshare_policy.quick import quick
from govshare_policy.register import Register

SHANGHAI: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
MAX_CLOCK_SKEW: Final = timedelta(minutes=5)


class Flaw(StrEnum):
    """Why evidence does not prove an identity; also the code of the reason given."""

    NO_CERTIFICATE = "no_certificate"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    CERTIFICATE_REVOKED = "certificate_revoked"
    REVOCATION_UNKNOWN = "revocation_unknown"
    CERTIFICATE_UNREGISTERED = "certificate_unregistered"
    CLAIM_DIFFERS = "claim_differs"
    CLOCK_DIFFERS = "clock_differs"
    ENVELOPE_MISSING = "envelope_missing"
    ENVELOPE_MALFORMED = "envelope_malformed"
    ENVELOPE_SIGNATURE = "envelope_signature"
    ENVELOPE_KEY = "envelope_key"
    ENVELOPE_AUDIENCE = "envelope_audience"
    ENVELOPE_STALE = "envelope_stale"
    ENVELOPE_REPLAYED = "envelope_replayed"
    ENVELOPE_DIFFERS = "envelope_differs"


_FAULTS: Final = {
    Fault.MALFORMED: Flaw.ENVELOPE_MALFORMED,
    Fault.SIGNATURE: Flaw.ENVELOPE_SIGNATURE,
    Fault.AUDIENCE: Flaw.ENVELOPE_AUDIENCE,
    Fault.STALE: Flaw.ENVELOPE_STALE,
    Fault.REPLAYED: Flaw.ENVELOPE_REPLAYED,
    Fault.DIFFERS: Flaw.ENVELOPE_DIFFERS,
}


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the transport saw. No evidence at all is a value too, and proves nothing.

    Attributes:
        spki: SM3 of the DER SubjectPublicKeyInfo of the client's certificate; 32 bytes.
        not_before: Start of the certificate's validity.
        not_after: End of the certificate's validity.
        network: The network the listener stands on.
        flaw: What the lists of the authorities have against the certificate, if anything.
        envelope: What the caller signed; the gate opens it before it asks who calls.
    """

    spki: bytes | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    network: str = "extranet"
    flaw: Flaw | None = None
    envelope: Presented | Opened | None = None


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who calls, as proven; with a *flaw*, nobody.

    Attributes:
        spki: SM3 of the key that proved it; ``None`` where identity is only assumed.
        assumed: Whether the claims were taken as given (offline checking, never on the wire).
        envelope: What the caller signed, if it did, and it says what the call says.
    """

    department: str = ""
    system: str = ""
    network: str = "extranet"
    spki: bytes | None = None
    assumed: bool = False
    flaw: Flaw | None = None
    envelope: Opened | None = None


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
        if (
            call.department not in ("", department)
            or call.system not in ("", system)
            or call.network not in ("", evidence.network)
        ):
            return _nobody(evidence, Flaw.CLAIM_DIFFERS)
        if call.at is not None and abs(call.at - at) > MAX_CLOCK_SKEW:
            return _nobody(evidence, Flaw.CLOCK_DIFFERS)
        flaw, opened = self._opened(call, evidence, system=system, day=legal_day(at))
        if flaw is not None:
            return _nobody(evidence, flaw)
        return Identity(
            department=department,
            system=system,
            network=evidence.network,
            spki=evidence.spki,
            envelope=opened,
        )

    def _opened(
        self, call: Call, evidence: Evidence, *, system: str, day: date
    ) -> tuple[Flaw | None, Opened | None]:
        """Return the envelope, once it is of this system and says what the call says."""
        holder, opened = self.register.systems[system], evidence.envelope
        if opened is None:
            return (Flaw.ENVELOPE_MISSING if holder.envelope else None), None
        if isinstance(opened, Presented):  # nobody here opens envelopes
            return Flaw.ENVELOPE_MALFORMED, None
        if opened.fault is not None:
            return _FAULTS[opened.fault], None
        flaw, owner = self.registered(opened.key, day)
        if flaw is not None or owner != system:
            return Flaw.ENVELOPE_KEY, None
        try:
            verify_says(opened, call, system=system, department=holder.department)
        except IdentityError:
            return Flaw.ENVELOPE_DIFFERS, None
        return None, opened

    def _holder(self, evidence: Evidence, at: datetime) -> tuple[Flaw | None, str]:
        if evidence.spki is None:
            return Flaw.NO_CERTIFICATE, ""
        if evidence.not_after is None or evidence.not_after < at:
            return Flaw.CERTIFICATE_EXPIRED, ""
        if evidence.not_before is None or evidence.not_before > at:
            return Flaw.CERTIFICATE_NOT_YET_VALID, ""
        if evidence.flaw is not None:
            return evidence.flaw, ""
        return self.registered(evidence.spki, legal_day(at))

    def registered(self, spki: bytes, day: date) -> tuple[Flaw | None, str]:
        """Return the system that a key is registered for on *day*, or why for none."""
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
