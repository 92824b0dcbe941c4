# SPDX-License-Identifier: Apache-2.0
"""Envelopes that records keep: whether the signature is good, and what they say of the record."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from govshare_policy.crypto import DEFAULT_ID, verify
from govshare_policy.envelope.content import DOMAIN, read_signed
from govshare_policy.envelope.sealed import Fault, Opened
from govshare_policy.errors import SignatureError, VerificationError

_SAME: Final = ("action", "purpose", "channel", "item", "derived", "commercial")
# The record leaves these out where no register knows the name.
_KNOWN: Final = ("resource", "grant", "consent")
_CHAINS: Final = ("on_behalf_of", "forwarded_for")
_PERSONAL: Final = ("operator", "subject", "recipient")


def verify_signed(signed: str) -> dict[str, Any]:
    """Return the content of a recorded envelope, once its own key made its signature.

    Whose key it is, ``certificates.tsv`` says: compare SM3 of ``key``.

    Raises:
        CallError: If it is no envelope.
        SignatureError: If the key did not make it.
    """
    document, data, signature, public = read_signed(signed)
    verify(public, DOMAIN + data, signature, signer_id=DEFAULT_ID)
    return document


def open_recorded(record: Mapping[str, Any]) -> Opened:
    """Return the envelope that *record* keeps, with its fault if it is not of this record.

    Raises:
        CallError: If it is no envelope.
    """
    signed = record["envelope"]
    content, data, signature, public = read_signed(signed)
    try:
        verify(public, DOMAIN + data, signature, signer_id=DEFAULT_ID)
        verify_kept(content, record)
    except SignatureError:
        return Opened(fault=Fault.SIGNATURE)
    except VerificationError:
        return Opened(fault=Fault.DIFFERS)
    return Opened(signed=signed, content=content, key=public.fingerprint)


def verify_kept(content: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    """Return only if *content*, out of the envelope of *record*, says what the record says.

    What the record leaves out, for no register knows it, may be anything in the envelope; there
    has to be as much of it. Persons are commitments in both, under different secrets: that they
    are named is compared, and not who they are.

    Raises:
        VerificationError: If it says anything else, or the record is not what the gate writes.
    """
    try:
        differing = _differing(content, record)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise VerificationError("the record is not what the gate writes") from None
    if differing:
        names = ", ".join(f"`{name}`" for name in differing)
        raise VerificationError(f"the envelope says something else than its record: {names}")


def _differing(content: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    said, call = content["call"], record["call"]
    checks = {
        **{name: said[name] == call[name] for name in _SAME},
        **{name: call[name] in ("", said[name]) for name in _KNOWN},
        "fields": _are_within(call["fields"], said["fields"], unknown=call["unknown_fields"]),
        "recipient": _are_one(said.get("recipient"), call.get("recipient")),
        "parties": _are_parties(said, call),
        **{name: content[name] == record[name] for name in ("system", "department")},
        "commitments": not _named(content) ^ _named(record),
    }
    return [name for name, same in checks.items() if not same]


def _are_within(kept: Sequence[str], said: Sequence[str], *, unknown: int) -> bool:
    return [name for name in said if name in kept] == kept and len(said) == len(kept) + unknown


def _are_one(said: Mapping[str, Any] | None, kept: Mapping[str, Any] | None) -> bool:
    if said is None or kept is None:
        return said is kept
    return said["kind"] == kept["kind"] and kept["id"] in ("", said["id"])


def _are_parties(said: Mapping[str, Any], call: Mapping[str, Any]) -> bool:
    unknown = 0
    for name in _CHAINS:
        kept = call.get(name, [])
        if bool(said[name]) is not (name in call):
            return False
        unknown += len(said[name]) - len(kept)
        if [one for one in said[name] if one in kept] != kept:
            return False
    return bool(unknown == call.get("unknown_parties", 0))


def _named(whole: Mapping[str, Any]) -> set[str]:
    return {name for name in whole["commitments"] if name in _PERSONAL}
