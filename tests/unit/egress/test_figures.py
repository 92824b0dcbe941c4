# SPDX-License-Identifier: Apache-2.0
"""Dates, sums and numbers are found where they are written, and only what is written."""

from govshare_policy.egress.figures import figures


def found(text: str) -> set[tuple[str, int]]:
    """Return what is found in one cell."""
    begin, end, others = figures(f"{text}\x1f")
    spans = zip(begin.tolist(), end.tolist(), strict=True)
    return {(text[a:b], a) for a, b in spans} | set(others)


def test_a_long_number_alone_needs_no_pattern() -> None:
    begin, end, others = figures("电话13800001111，\x1f")
    assert (begin.tolist(), end.tolist(), others) == ([2], [13], [])


def test_an_identity_number_with_a_letter_is_found_with_and_without_it() -> None:
    text = "44010619900101123x"
    assert found(f"证{text}") == {(text, 1), (text[:-1], 1)}


def test_a_day_is_found_however_it_is_written() -> None:
    for text in ("2024-01-02", "2024/1/2", "2024年1月2日", "20240102", "02.01.2024"):
        assert (text, 1) in found(f"于{text}止")


def test_a_day_does_not_begin_inside_a_number() -> None:
    assert not any(text.startswith("2024") for text, _ in found("992024-01-023"))


def test_a_sum_is_found_with_its_groups_and_its_unit() -> None:
    assert found("共1,234.50元。") == {("1,234.50元", 1)}


def test_what_lies_in_a_run_of_groups_is_no_number_of_its_own() -> None:
    assert ("00001111", 4) not in found("138 00001111，")


def test_a_short_number_is_nothing() -> None:
    assert found("第12号3栋405") == set()
