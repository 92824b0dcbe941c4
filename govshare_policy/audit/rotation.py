# SPDX-License-Identifier: Apache-2.0
"""Giving a log another key: one record, in a commit that the old key and the new one sign.

The commit either is on the disk whole or is not. Until it is, the log opens with the old key and
with no other; from then on with the new key and with no other. There is no state in between.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from govshare_policy.audit.damage import Damage, LogDamageError
from govshare_policy.audit.disk import Disk, describe
from govshare_policy.audit.ledger import PREALLOCATE_BYTES, Ledger
from govshare_policy.audit.pin import Pin
from govshare_policy.audit.proof import read_commit
from govshare_policy.audit.record import encode_record, format_time, new_record_id, parse_record
from govshare_policy.audit.start import open_ledger
from govshare_policy.audit.trust import TrustKey, TrustPolicy
from govshare_policy.audit.verify import read_records
from govshare_policy.crypto import PublicKey, Signer
from govshare_policy.errors import AuditError, ConfigError

_MARKERS: Final = (b'"event":"genesis"', b'"event":"rotate"')
_DISK: Final = Disk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One key taking over from another.

    Attributes:
        size: Number of records under the checkpoint that both keys signed; the old key's last and
            the new key's first.
        old: The key that was replaced.
        new: Its successor.
    """

    size: int
    old: PublicKey
    new: PublicKey


def rotate_key(
    directory: Path,
    *,
    signer: Signer,
    successor: Signer,
    at: datetime,
    trust: TrustPolicy | None = None,
    pin: Pin | None = None,
    preallocate: int = PREALLOCATE_BYTES,
    disk: Disk = _DISK,
) -> Rotation:
    """Have *successor* take over from *signer* in the log in *directory*, which nobody writes to.

    If it had taken over before, which is what a crash behind the commit leaves, this only finds
    out where.

    Args:
        directory: The log.
        signer: Holds the key in force.
        successor: Holds the new key.
        at: When; with a zone.
        trust: What auditors believe until now; with it, nothing is written unless a trust policy
            for the new key follows from it.
        pin: The pin of the log; none if it has none.
        preallocate: Bytes by which a segment grows.
        disk: The system calls.

    Raises:
        ConfigError: If both are one key, the new key was a key of the log before, or no policy
            follows from *trust*.
        LogDamageError: If the log is damaged or shorter than *pin*, or neither key is in force.
        AuditError: If somebody else writes to the log, or the disk failed. Try again.
    """
    if signer.public == successor.public:
        raise ConfigError("the new key is the key in force; generate another")
    done = _find(directory, signer, successor)
    try:
        ledger, lock = open_ledger(
            directory, signer=signer, at=at, pin=pin, preallocate=preallocate, disk=disk
        )
    except LogDamageError as error:
        if error.kind is Damage.SIGNATURE and done is not None:
            return done
        raise
    try:
        if done is not None:
            raise _used_before()
        return _commit(ledger, successor, at=at, trust=trust)
    except OSError as error:
        raise AuditError(f"run it again to see which key is in force: {describe(error)}") from error
    finally:
        try:
            ledger.close()
        finally:
            lock.release()


def follow_rotation(trust: TrustPolicy, rotation: Rotation, directory: Path) -> TrustPolicy:
    """Return *trust* with the keys that the log in *directory* has since *rotation*.

    The new key is first, where OpenSSL looks. The checkpoint that both keys signed is read from
    the log and verified; the records are not.

    Raises:
        ConfigError: If the old key is not the one that *trust* names as in use.
        VerificationError: If the log does not hold that checkpoint, signed by both.
    """
    followed = _extend(trust, rotation)
    # Both cover this size and bear the name of the log, so both have to have signed.
    followed.verify_checkpoint(read_commit(directory, rotation.size))
    return followed


def _commit(
    ledger: Ledger, successor: Signer, *, at: datetime, trust: TrustPolicy | None
) -> Rotation:
    """Write the record of the rotation, once it is sure that *trust* can be continued."""
    own = ledger.clock_record(at)
    rotation = Rotation(
        size=ledger.checkpoint.size + len(own) + 1,
        old=ledger.signer.public,
        new=successor.public,
    )
    if trust is not None:
        if trust.origin != ledger.origin:
            raise ConfigError("the trust file is of another log")
        _extend(trust, rotation)
    if own:
        ledger.commit(own, at)
        ledger.rotate_if_full()
    record = _rotation_record(rotation, origin=ledger.origin, at=at)
    ledger.commit([record], at, successor=successor)
    ledger.rotate_if_full()
    ledger.publish()
    return rotation


def _extend(trust: TrustPolicy, rotation: Rotation) -> TrustPolicy:
    """Return *trust* with both keys of *rotation*; the log is not looked at."""
    in_use = [
        key
        for key in trust.keys
        if (key.name, key.public, key.to_size) == (trust.origin, rotation.old, None)
    ]
    if len(in_use) != 1 or in_use[0].is_revoked_at(rotation.size):
        raise ConfigError("the trust file does not name the replaced key as the one in use")
    ended = replace(in_use[0], to_size=rotation.size)
    new = TrustKey(name=trust.origin, public=rotation.new, from_size=rotation.size)
    rest = (ended if key == in_use[0] else key for key in trust.keys)
    return replace(trust, keys=(new, *rest))


def _rotation_record(rotation: Rotation, *, origin: str, at: datetime) -> bytes:
    return encode_record(
        {
            "v": 1,
            "id": new_record_id(at),
            "t": format_time(at),
            "phase": "key",
            "event": "rotate",
            "origin": origin,
            "from_size": rotation.size,
            "old": _describe_key(rotation.old),
            "new": _describe_key(rotation.new),
        }
    )


def _describe_key(public: PublicKey) -> dict[str, str]:
    return {"spki": public.to_spki().hex(), "sm3": public.fingerprint.hex()}


def _find(directory: Path, signer: Signer, successor: Signer) -> Rotation | None:
    """Return the rotation from one key to the other that a record of the log speaks of, if any.

    Raises:
        ConfigError: If there is none, and *successor* was a key of the log before. A key is
            trusted for one range of sizes, so no policy could describe such a log.
    """
    old, new = _describe_key(signer.public), _describe_key(successor.public)
    used = False
    for index, record in _key_records(directory):
        if (record.get("old"), record.get("new")) == (old, new):
            return Rotation(size=index + 1, old=signer.public, new=successor.public)
        keys = [record.get(name) for name in ("key", "old", "new")]
        used |= any(isinstance(key, dict) and key.get("spki") == new["spki"] for key in keys)
    if used:
        raise _used_before()
    return None


def _key_records(directory: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, data in read_records(directory):
        if any(marker in data for marker in _MARKERS):
            record = parse_record(data)
            if record.get("phase") == "key":
                yield index, record


def _used_before() -> ConfigError:
    return ConfigError("the new key was a key of this log before; generate another")
