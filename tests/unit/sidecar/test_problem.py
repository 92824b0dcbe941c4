# SPDX-License-Identifier: Apache-2.0
"""Problems come in the language that is read."""

import pytest

from govshare_sidecar.problem import language_of


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "zh"),
        ("*", "zh"),
        ("fr", "zh"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en;q=0.8,zh;q=0.9", "zh"),
        ("fr, en;q=0.5", "en"),
        ("EN-us", "en"),
        ("en;q=0", "zh"),
        ("en;q=x", "zh"),
        (";;,,", "zh"),
    ],
)
def test_the_preferred_of_both_languages_is_chosen(accept: str, language: str) -> None:
    assert language_of(accept) == language
