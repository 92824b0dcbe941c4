# SPDX-License-Identifier: Apache-2.0
"""What an auditor believes before looking at a log: its name, its keys, and who watches it.

A key is trusted for a range of sizes, because sizes are signed and clocks are not believed. A key
that got into wrong hands keeps what it signed up to the size at which it was stopped.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from govshare_policy.audit.checkpoint import (
    Checkpoint,
    check_name,
    find_signature,
    key_id,
    verify_signature,
)
from govshare_policy.crypto import PublicKey
from govshare_policy.errors import ConfigError, SignatureError, VerificationError

_SHOWN_HEX: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustKey:
    """A key that may sign checkpoints of some sizes: a key of the log, or of a witness.

    Attributes:
        name: The name in its signature lines; for a log's own key, the origin.
        public: The key.
        from_size: The smallest size it may sign.
        to_size: The largest size it may sign; none while it is in use.
        revoked_after: The largest size at which its signature still counts, for a key that is no
            longer its owner's alone; none for a key in good order.
    """

    name: str
    public: PublicKey
    from_size: int = 0
    to_size: int | None = None
    revoked_after: int | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.from_size < 0 or (self.to_size is not None and self.to_size < self.from_size):
            raise ConfigError(f"the sizes of the key `{self.name}` are not a range")
        if self.revoked_after is not None and self.revoked_after < 0:
            raise ConfigError(f"the key `{self.name}` is revoked after a size of 0 or more")

    def covers(self, size: int) -> bool:
        """Tell whether the key may sign a checkpoint of *size*."""
        return self._reaches(size) and not self.is_revoked_at(size)

    def is_revoked_at(self, size: int) -> bool:
        """Tell whether the key would have covered *size*, had it not been revoked."""
        return self.revoked_after is not None and self._reaches(size) and size > self.revoked_after

    @property
    def short_fingerprint(self) -> str:
        """The beginning of its fingerprint, to name it in a sentence."""
        return f"sm3:{self.public.fingerprint.hex()[:_SHOWN_HEX]}"

    def _reaches(self, size: int) -> bool:
        return self.from_size <= size and (self.to_size is None or size <= self.to_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustPolicy:
    """Which log, whose signatures on it, and how many witnesses have to have seen it.

    Attributes:
        origin: The name of the log.
        keys: Never empty; one trusted signature on a checkpoint is enough, every signature that
            claims to be of a trusted key has to be good, and where two keys of the log cover one
            size, the old one hands over to the new: both have to have signed.
        witnesses: Others that sign the log's checkpoints after verifying that each continues the
            one before.
        required: How many of the witnesses have to have seen the log; 0 if there are none. Two keys
            of one name are one witness.
    """

    origin: str
    keys: tuple[TrustKey, ...]
    witnesses: tuple[TrustKey, ...] = ()
    required: int = 0

    def __post_init__(self) -> None:
        check_name(self.origin)
        if not self.keys:
            raise ConfigError("a trust policy has at least one key")
        count = len({witness.name for witness in self.witnesses})
        if not min(1, count) <= self.required <= count:
            raise ConfigError("a trust policy requires 1 witness or more, of those that it names")
        _verify_distinct(self)

    def verify_checkpoint(self, checkpoint: Checkpoint) -> tuple[datetime, tuple[PublicKey, ...]]:
        """Return when *checkpoint* was signed (the latest time), and by which keys of the log.

        Raises:
            VerificationError: If it is a checkpoint of another log.
            SignatureError: If no trusted key signed it, a line under the name and id of a trusted
                key is forged, or a key of the log that had to sign as well did not.
        """
        if checkpoint.origin != self.origin:
            raise VerificationError(
                "each log has a trust file of its own: the checkpoint is of the log "
                f"`{checkpoint.origin}`, and the trust file is for the log `{self.origin}`"
            )
        covering = tuple(key for key in self.keys if key.covers(checkpoint.size))
        signed = _signers(checkpoint, covering)
        if not signed:
            raise self._unsigned(checkpoint)
        for key in covering:
            if key.name == self.origin and key not in signed:
                raise SignatureError(
                    f"the key `{key.short_fingerprint}` of the log did not sign the checkpoint of "
                    f"size {checkpoint.size}, where one key hands over to the other"
                )
        return max(signed.values()), tuple(key.public for key in signed)

    def cosigners(self, checkpoint: Checkpoint) -> dict[TrustKey, datetime]:
        """Return the trusted witnesses that signed *checkpoint*, and when.

        The log's own signature is not looked at: see :meth:`verify_checkpoint`.

        Raises:
            SignatureError: If a line under the name and id of a witness is forged.
        """
        covering = (key for key in self.witnesses if key.covers(checkpoint.size))
        return _signers(checkpoint, tuple(covering))

    def _unsigned(self, checkpoint: Checkpoint) -> SignatureError:
        size = checkpoint.size
        for key in self.keys:
            if key.is_revoked_at(size) and find_signature(checkpoint, key.name, key.public):
                return SignatureError(
                    f"the key `{key.short_fingerprint}` was revoked after size "
                    f"{key.revoked_after}, and no other trusted key signed the checkpoint of "
                    f"size {size}"
                )
        return SignatureError(f"no trusted key signed the checkpoint of size {size}")


def _signers(checkpoint: Checkpoint, keys: tuple[TrustKey, ...]) -> dict[TrustKey, datetime]:
    """Return which of *keys* signed *checkpoint*, and when, once each signature is verified."""
    signed: dict[TrustKey, datetime] = {}
    for key in keys:
        line = find_signature(checkpoint, key.name, key.public)
        if line is not None:
            signed[key] = verify_signature(checkpoint, line, key.public)
    return signed


def _verify_distinct(policy: TrustPolicy) -> None:
    """Return only if every line is of one key, and nobody counts twice.

    Raises:
        ConfigError: If two keys cannot be told apart, or one witness stands for two, or the log
            for a witness.
    """
    everyone = (*policy.keys, *policy.witnesses)
    if len({(key.name, key_id(key.name, key.public)) for key in everyone}) != len(everyone):
        raise ConfigError("two keys of the trust policy have the same name and key id")
    own = {key.public.fingerprint for key in policy.keys}
    seen = {key.public.fingerprint for key in policy.witnesses}
    names = {key.name for key in policy.witnesses}
    if len(seen) != len(policy.witnesses) or seen & own:
        raise ConfigError("a witness of the trust policy has a key of its own")
    if policy.origin in names:
        raise ConfigError("a witness of the trust policy does not bear the name of the log")
