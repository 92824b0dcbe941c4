# SPDX-License-Identifier: Apache-2.0
"""The receipts of late, for those who got the answers.

A denial carries its receipt in its problem document; beside released data there is no place for
one, and a header that holds it is longer than many clients take. So the answer names a path of
this listener, where whoever holds the same key may fetch it.
"""

from collections import OrderedDict
from typing import Final

from govshare_policy.audit import Receipt
from govshare_policy.gate import Answer
from govshare_sidecar.refusal import Cause, RefusedError

PLACE: Final = "/.well-known/govshare/receipt/"
# Some 5 KiB each. An auditor makes later ones out of the log (`govshare audit prove`).
KEPT: Final = 4096


class Receipts:
    """The receipts of the last allowed calls; owned by the event loop."""

    def __init__(self, *, most: int = KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[bytes, Receipt]] = OrderedDict()

    def keep(self, answer: Answer) -> dict[str, str]:
        """Keep the receipt of *answer*, and return the header that says where it is."""
        if answer.receipt is None or answer.identity.spki is None:
            return {}
        self._kept[answer.record_id] = (answer.identity.spki, answer.receipt)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return {"Govshare-Receipt": f"{PLACE}{answer.record_id}"}

    def text(self, path: str, spki: bytes | None) -> str:
        """Return the receipt at *path* for the holder of the key *spki*, as a text to keep.

        Raises:
            RefusedError: If there is none, or it is another caller's; nobody learns which.
        """
        owner, receipt = self._kept.get(path.removeprefix(PLACE), (None, None))
        if receipt is None or owner != spki:
            raise RefusedError(Cause.NO_RECEIPT)
        return receipt.to_text()
