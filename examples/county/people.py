# SPDX-License-Identifier: Apache-2.0
"""Invented people and companies with valid numbers. Always the same ones, and never real ones.

Region 999999 is not assigned, so no number here can be anybody's.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

REGION: Final = "999999"
SEED: Final = 20250801

_SURNAMES: Final = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
_GIVEN: Final = (
    "青禾",
    "岚",
    "云舟",
    "知远",
    "若溪",
    "明哲",
    "安",
    "思源",
    "晓晨",
    "望舒",
    "一诺",
    "嘉",
)
_TRADES: Final = ("粮油", "建材", "物流", "茶业", "纺织", "农机", "印务", "水务")
_ID_WEIGHTS: Final = tuple(2**power % 11 for power in range(17, 0, -1))
_ID_CHECKS: Final = "10X98765432"
_CODE_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An invented person."""

    id_no: str
    name: str
    gender: str
    birth_date: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """An invented company."""

    uscc: str
    name: str
    legal_rep: str


def id_number(birth_date: date, sequence: int) -> str:
    """Return the citizen identity number of the *sequence*-th person born on a day; 18 characters.

    Args:
        birth_date: The day of birth.
        sequence: 1 to 999; odd for men.

    Source:
        GB 11643-1999 §4: address, birth date, sequence, and a check by ISO 7064 MOD 11-2.
    """
    body = f"{REGION}{birth_date:%Y%m%d}{sequence:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _ID_WEIGHTS, strict=True))
    return body + _ID_CHECKS[total % 11]


def credit_code(number: int) -> str:
    """Return the unified social credit code of the *number*-th company; 18 characters.

    Args:
        number: 0 to 99999999; the body of the organisation code inside.

    Source:
        GB 32100-2015 §4 (authority, category, region, organisation code, check MOD 31), and
        GB 11714-1997 for the organisation code and its own check.
    """
    organisation = f"{number:08d}"
    total = sum(
        int(digit) * weight for digit, weight in zip(organisation, _CODE_WEIGHTS, strict=True)
    )
    body = f"91{REGION}{organisation}{'0123456789X0'[11 - total % 11]}"
    weighted = (
        _USCC_ALPHABET.index(char) * pow(3, position, 31) for position, char in enumerate(body)
    )
    return body + _USCC_ALPHABET[-sum(weighted) % 31]


def invented_people(count: int, *, first: int, born: tuple[int, int]) -> Iterator[Person]:
    """Yield *count* people, the same ones every time.

    Args:
        count: How many.
        first: The number of the first; people of different numbers never share an identity number.
        born: The first and the last year of birth.
    """
    chance = random.Random(SEED + first)  # noqa: S311 - invented data, not a secret
    for number in range(first, first + count):
        birth = date(chance.randint(*born), 1, 1) + timedelta(days=chance.randrange(365))
        sequence = 2 * number % 998 + chance.choice((1, 2))
        yield Person(
            id_no=id_number(birth, sequence),
            name=chance.choice(_SURNAMES) + chance.choice(_GIVEN),
            gender="男" if sequence % 2 else "女",
            birth_date=birth,
        )


def invented_companies(count: int) -> Iterator[Company]:
    """Yield *count* companies, the same ones every time."""
    chance = random.Random(SEED + 1)  # noqa: S311 - invented data, not a secret
    for number in range(count):
        trade = chance.choice(_TRADES)
        yield Company(
            uscc=credit_code(number + 1),
            name=f"青岚示例{trade}第{number + 1}有限公司",
            legal_rep=chance.choice(_SURNAMES) + chance.choice(_GIVEN),
        )
