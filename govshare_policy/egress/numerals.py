# SPDX-License-Identifier: Apache-2.0
"""Numbers written with Chinese characters, everyday and on cheques."""

import re
from decimal import Decimal
from typing import Final

DIGITS: Final = {
    character: digit
    for row in ("〇一二三四五六七八九", "零壹贰叁肆伍陆柒捌玖")
    for digit, character in enumerate(row)
} | {"两": 2}
_UNITS: Final = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_MYRIADS: Final = {"万": 10**4, "亿": 10**8}
_MONEY: Final = re.compile(
    r"(?P<whole>[〇一二三四五六七八九零壹贰叁肆伍陆柒捌玖两十拾百佰千仟万亿]{1,40})(?:元|圆)"
    r"(?:零?(?P<tenth>[壹贰叁肆伍陆柒捌玖一二三四五六七八九])角)?"
    r"(?:零?(?P<hundredth>[壹贰叁肆伍陆柒捌玖一二三四五六七八九])分)?[整正]?"
)


def parse_small(text: str) -> int | None:
    """Return the number below 100 that *text* writes, as in 十二, or ``None``."""
    if text.isdecimal():
        return int(text) if len(text) <= 2 else None  # noqa: PLR2004 - a day or a month
    whole = parse_whole(text)
    return whole if whole is not None and whole < 100 else None  # noqa: PLR2004


def parse_year(text: str) -> int | None:
    """Return the year that *text* writes digit by digit, as in 二〇二四, or ``None``."""
    if len(text) != 4:  # noqa: PLR2004 - a year has four digits
        return None
    digits = [DIGITS.get(character, -1) for character in text]
    return None if min(digits) < 0 else int("".join(map(str, digits)))


def parse_digits(text: str) -> str | None:
    """Return the digits that *text* writes one by one, as in 一三八〇〇, or ``None``."""
    if not DIGITS.keys() >= set(text):
        return None
    return "".join(str(DIGITS[character]) for character in text)


def parse_money(text: str) -> Decimal | None:
    """Return the amount of 壹仟贰佰元伍角整, or ``None`` if *text* is not written like that."""
    match = _MONEY.fullmatch(text)
    whole = parse_whole(match["whole"]) if match else None
    if match is None or whole is None:
        return None
    cents = 10 * DIGITS.get(match["tenth"] or "零", 0) + DIGITS.get(match["hundredth"] or "零", 0)
    return whole + Decimal(cents) / 100


def parse_whole(text: str) -> int | None:
    """Return the whole number that *text* writes with units, or ``None``."""
    total = section = 0
    digit = -1
    for character in text:
        if character in DIGITS:
            if digit > 0:
                return None
            digit = DIGITS[character]
        elif character in _UNITS:
            # 十二 leaves out the 一.
            section += (1 if digit < 0 else digit) * _UNITS[character]
            digit = -1
        elif character in _MYRIADS:
            total = (total + section + max(digit, 0)) * _MYRIADS[character]
            section, digit = 0, -1
        else:
            return None
    return total + section + max(digit, 0) if text else None
