# SPDX-License-Identifier: Apache-2.0
"""What a value is, by its shape and its check digit alone: names of fields are changed first.

Source:
    GB 11643-1999 (numbers of citizens), GB 32100-2015 (social credit codes), ISO/IEC 7812-1.
"""

import calendar
import re
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The kind of a canonical value."""

    ID_NUMBER = "id_number"
    USCC = "uscc"
    BANK_CARD = "bank_card"
    PHONE = "phone"
    EMAIL = "email"
    PLATE = "plate"
    DATE = "date"
    MOMENT = "moment"
    AMOUNT = "amount"
    CODE = "code"
    TEXT = "text"
    EMPTY = "empty"


PROVINCES: Final = frozenset(
    f"{province}"
    for province in (
        *range(11, 16),
        *range(21, 24),
        *range(31, 38),
        *range(41, 47),
        *range(50, 55),
        *range(61, 66),
        71,
        81,
        82,
        83,
    )
)
_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS: Final = "10x98765432"
# Bodies that are registered with a national office.
_NATIONAL: Final = frozenset({"10"})
_USCC_ALPHABET: Final = "0123456789abcdefghjklmnpqrtuwxy"
_USCC_VALUES: Final = {character: value for value, character in enumerate(_USCC_ALPHABET)}
_ID: Final = re.compile(r"\d{17}[0-9x]")
_USCC: Final = re.compile(r"[0-9a-hj-npqrtuwxy]{2}\d{6}[0-9a-hj-npqrtuwxy]{10}")
_PHONE: Final = re.compile(r"1[3-9]\d{9}|0[1-9]\d{8,10}|400[0-9]{7}")
_CARD: Final = re.compile(r"[3-6]\d{14,18}")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,24}")
_PLATE: Final = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][a-hj-np-z][0-9a-hj-np-z]{5,6}"
)
_AMOUNT: Final = re.compile(r"-?\d+(?:\.\d+)?")
_CODE: Final = re.compile(r"[a-z0-9*%]+")
_DATE_DIGITS, _MOMENT_DIGITS, _CARD_DIGITS = 8, 14, 15


def kind_of(canonical: str) -> Kind:
    """Return the kind of a canonical value."""
    if not canonical:
        return Kind.EMPTY
    if canonical.isdecimal():
        return _of_digits(canonical)
    if not canonical.isascii() and "@" not in canonical:
        return Kind.PLATE if _PLATE.fullmatch(canonical) else Kind.TEXT
    for kind, holds in _SHAPES:
        if holds(canonical):
            return kind
    return Kind.TEXT


def is_day(ymd: str) -> bool:
    """Return whether eight digits are a day of the years 1800 to 2199, or the end of time."""
    year, month, day = int(ymd[:4]), int(ymd[4:6]), int(ymd[6:])
    if not (1800 <= year < 2200 or year == 9999) or not 1 <= month <= 12:  # noqa: PLR2004
        return False
    return 1 <= day <= calendar.monthrange(year, month)[1]


def id_check_digit(body: str) -> str:
    """Return the last character of the identity number that begins with these 17 digits."""
    total = sum(w * int(digit) for w, digit in zip(_ID_WEIGHTS, body, strict=True))
    return _ID_CHECKS[total % 11]


def is_id_number(text: str) -> bool:
    """Return whether *text* is an identity number of 18 characters with a right check digit."""
    if _ID.fullmatch(text) is None or text[:2] not in PROVINCES or not is_day(text[6:14]):
        return False
    return id_check_digit(text[:17]) == text[17]


def is_old_id_number(text: str) -> bool:
    """Return whether *text* has the shape of an identity number of 15 digits."""
    return text[:2] in PROVINCES and is_day("19" + text[6:12])


def is_uscc(text: str) -> bool:
    """Return whether *text* is a social credit code with a right check character."""
    if _USCC.fullmatch(text) is None or text[2:4] not in PROVINCES | _NATIONAL:
        return False
    total = sum(_USCC_VALUES[c] * pow(3, at, 31) for at, c in enumerate(text[:17]))
    return _USCC_ALPHABET[-total % 31] == text[17]


def is_card_number(text: str) -> bool:
    """Return whether *text* has the length and the check digit of a bank card."""
    if _CARD.fullmatch(text) is None:
        return False
    odd = sum(int(digit) for digit in text[-1::-2])
    even = sum(sum(divmod(2 * int(digit), 10)) for digit in text[-2::-2])
    return (odd + even) % 10 == 0


def _of_digits(digits: str) -> Kind:  # noqa: PLR0911 - a kind each
    if len(digits) == _DATE_DIGITS and is_day(digits):
        return Kind.DATE
    if len(digits) == _MOMENT_DIGITS and is_day(digits[:8]):
        return Kind.MOMENT
    if is_id_number(digits):
        return Kind.ID_NUMBER
    if _PHONE.fullmatch(digits):
        return Kind.PHONE
    if is_uscc(digits):
        return Kind.USCC
    if len(digits) >= _CARD_DIGITS and is_card_number(digits):
        return Kind.BANK_CARD
    return Kind.CODE if digits[0] == "0" and len(digits) > 1 else Kind.AMOUNT


_SHAPES: Final = (
    (Kind.ID_NUMBER, is_id_number),
    (Kind.USCC, is_uscc),
    (Kind.EMAIL, _EMAIL.fullmatch),
    (Kind.AMOUNT, _AMOUNT.fullmatch),
    (Kind.PLATE, _PLATE.fullmatch),
    (Kind.CODE, _CODE.fullmatch),
)
