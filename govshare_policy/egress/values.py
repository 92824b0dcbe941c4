# SPDX-License-Identifier: Apache-2.0
"""What a value is when its form is taken away: one writing, one kind, so many bits."""

from govshare_policy.egress.folding import fold, fold_id
from govshare_policy.egress.forms import canonical
from govshare_policy.egress.kinds import Kind, kind_of
from govshare_policy.egress.rarity import MIN_BITS, UNIQUE_BITS, Column, is_kept, surprisal

__all__ = [
    "MIN_BITS",
    "UNIQUE_BITS",
    "Column",
    "Kind",
    "canonical",
    "fold",
    "fold_id",
    "is_kept",
    "kind_of",
    "surprisal",
]
