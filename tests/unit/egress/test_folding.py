# SPDX-License-Identifier: Apache-2.0
"""Ordinary text is folded a character at a time, and comes out as by the long way."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.egress.folding import fold

# Nothing of these blocks combines with what stands beside it; the letter at the end is of none.
_ORDINARY = st.characters(min_codepoint=0x20, max_codepoint=0x17F) | st.sampled_from(
    "，。（）１ＡＺ　「」—…“”張张國国體体龍龙①㎡"
)
_NO_ORDINARY = "\uac01"


@settings(max_examples=200, deadline=None)
@given(st.text(_ORDINARY, max_size=12))
def test_ordinary_text_is_folded_alone_as_beside_other_text(text: str) -> None:
    assert fold(text) + _NO_ORDINARY == fold(text + _NO_ORDINARY)


def test_a_letter_and_its_accent_are_folded_together() -> None:
    for letter in "eéö張":
        for accent in ("\u0301", "\u0308"):
            whole = unicodedata.normalize("NFC", letter + accent)
            assert fold(letter + accent) == fold(whole)
