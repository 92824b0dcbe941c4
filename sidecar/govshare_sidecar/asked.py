# SPDX-License-Identifier: Apache-2.0
"""A call on its way to the desk."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from govshare_policy.call import Call
from govshare_policy.identity import Evidence


class Asked(NamedTuple):
    """A call as it came in.

    Attributes:
        entrance: Where; a label of metrics.
        values: What its record commits to, by their names in it.
        recognised: What the onward guard saw, where it made the call.
    """

    call: Call
    evidence: Evidence
    entrance: str
    values: Mapping[str, str] | None = None
    recognised: Mapping[str, Any] | None = None

    @property
    def is_kept(self) -> bool:
        """Whether something of it is kept beside its record: a nonce, or a subject."""
        return self.evidence.envelope is not None or bool(self.call.subject)
