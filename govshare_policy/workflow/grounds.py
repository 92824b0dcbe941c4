# SPDX-License-Identifier: Apache-2.0
"""Grounds on which a text lets nobody refuse, given as a code or in words. Pure."""

import unicodedata

from govshare_policy.workflow.model import Cited, Matter


def bare(text: str) -> str:
    """Return the letters and digits of *text*, in one width and one case."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def is_forbidden(ground: Cited, matter: Matter, *, code: str, text: str) -> bool:
    """Whether the reason *code*, said as *text*, is *ground*, and *matter* does not excuse it.

    A word counts wherever it stands, so a reason that only mentions the ground is refused too
    and has to be put without it: the text bans a pretext, and a pretext has many forms.
    """
    if any(taken.step == ground.unless for taken in matter.steps):
        return False
    said = bare(text)
    return code == ground.id or any(word in said for word in ground.words)
