# SPDX-License-Identifier: Apache-2.0
"""Every error of this library, arranged by who must act.

A denial is an answer, not an error. An exception means that somebody has to do something, and
its class says who. Messages are one lower-case sentence without a full stop; ids stand in
backticks; data values, evidence and secrets never appear.
"""


class GovshareError(Exception):
    """Base of every error raised here."""


class CallError(GovshareError):
    """The caller must act: the call does not parse."""


class IdentityError(GovshareError):
    """The caller must act: the evidence does not prove who calls."""


class FactError(GovshareError):
    """The data owner must act: a register is missing, stale or contradicts itself."""


class PolicyError(GovshareError):
    """The policy author must act. Raised when a bundle loads, never during a call."""


class EvaluationError(GovshareError):
    """We must act: a rule that loaded would not evaluate. The call is denied."""


class ObligationError(GovshareError):
    """We must act: a duty cannot be carried out. The data stay where they are."""


class ConfigError(GovshareError):
    """The operator must act: a setting, a key file or a crypto library cannot be used."""


class AuditError(GovshareError):
    """The operator must act: the record did not reach the log, so nothing may be released."""


class VerificationError(AuditError):
    """Everyone must act: a log, a checkpoint or a proof is not what it claims to be."""


class SignatureError(VerificationError):
    """A signature is malformed, or was not made by the key over these bytes."""


class InclusionError(VerificationError):
    """A record is not the one the tree commits to, or is not under the tree at all."""


class ConsistencyError(VerificationError):
    """Two checkpoints cannot both be states of one append-only log."""
