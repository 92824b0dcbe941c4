# SPDX-License-Identifier: Apache-2.0
"""The one form of a value: dates, amounts, numbers of persons and telephones, and plain text."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from govshare_policy.egress.folding import fold
from govshare_policy.egress.kinds import id_check_digit, is_day, is_old_id_number
from govshare_policy.egress.numerals import (
    DIGITS,
    parse_digits,
    parse_money,
    parse_small,
    parse_year,
)

_MAX_TYPED: Final = 48
"""Characters of the longest date, amount or number; anything longer is text."""

_CHINA: Final = timezone(timedelta(hours=8))
_TIME: Final = (
    r"(?:[t ]\s*(?P<h>\d{1,2})[:时点](?P<mi>\d{1,2})(?:[:分](?P<s>\d{1,2})?秒?(?:[.,]\d{1,9})?)?分?"
    r"\s*(?P<zone>z|utc|[+-]\d\d:?\d\d)?)?"
)
_ENGLISH: Final = (
    r"(?P<word>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?:uary|ruary|ch|il|e|y|ust|t|"
    r"tember|ober|ember)?\.?"
)
_NUMERAL: Final = "〇零一二三四五六七八九十"
_DATES: Final = tuple(
    re.compile(pattern + _TIME)
    for pattern in (
        r"(?P<y>\d{4})([-/.])(?P<m>\d{1,2})\2(?P<d>\d{1,2})",
        r"(?P<y>\d{4})\s*年\s*(?P<m>\d{1,2})\s*月\s*(?P<d>\d{1,2})\s*[日号]?",
        rf"(?P<y>[{_NUMERAL}]{{4}})年(?P<m>[{_NUMERAL}]{{1,3}})月(?P<d>[{_NUMERAL}]{{1,3}})[日号]?",
        r"(?P<d>\d{1,2})([-.])(?P<m>\d{1,2})\2(?P<y>\d{4})",
        r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})",
        rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[ -]{_ENGLISH}[ ,-]\s*(?P<y>\d{{4}})",
        rf"{_ENGLISH} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y>\d{{4}})",
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
    )
)
_COMPACT: Final = re.compile(r"(\d{8})[t ]?(\d{2})(\d{2})(\d{2})")
_YEAR_MONTH: Final = re.compile(r"(\d{4})(?:-|/|年)(\d{1,2})月?")
_CURRENCY: Final = re.compile(
    r"^(?:人民币|rmb|cny|usd|[¥$€£])\s*|\s*(?:元整|[元圆块]|rmb|cny|usd|yuan)$"
)
_AMOUNT: Final = re.compile(
    r"([+-]?)(\d+|\d{1,4}(?:[,' ]\d{3,4})+)(?:\.(\d+))?(?:e([+]\d{1,2}))?"
    r"\s*(百|千|万|百万|千万|亿)?"
)
_EUROPEAN: Final = re.compile(r"([+-]?)(\d{1,3}(?:\.\d{3})+|\d{4,}),(\d{2})")
_SCALES: Final = {"百": 2, "千": 3, "万": 4, "百万": 6, "千万": 7, "亿": 8}
_EMAIL: Final = re.compile(r"[^@\s,;<>()]{1,64}@[^@\s,;<>()]{1,190}\.[a-z]{2,24}")
_PHONE: Final = re.compile(r"(?:\+?86|0086)(1[3-9]\d{9})")
_LANDLINE: Final = re.compile(r"(?:\+86|0086)0?([2-9]\d{8,10})")
_OUTER: Final = " \t\r\n\"'`“”‘’()[]{}<>《》【】「」"
_GAPS: Final = str.maketrans("", "", " -()·\t\r\n")
_MIN_PHONE: Final = 10
# Digits in Chinese characters are a number from so many on; fewer may be a word.
_MIN_WRITTEN: Final = 7
# What may stand in a date, an amount or a number at all, words included.
_TYPED_ONLY: Final = re.compile(
    r"(?:[\d +\-./,:()'¥$€£年月日号时点分秒元圆块角整正人民币百千万亿〇零一二三四五六七八九十两"
    r"壹贰叁肆伍陆柒捌玖拾佰仟]++|rmb|cny|usd|yuan|utc|[etyz]|st|nd|rd|th"
    r"|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|r?uary|ch|il|ust|t?ember|ober)+"
)
_FIGURE: Final = re.compile(r"[\d〇零一二三四五六七八九十两壹贰叁肆伍陆柒捌玖拾百佰千仟万亿]")
_CLOSING: Final = "元圆整正角分日号"
_BETWEEN: Final = re.compile(r"[^\w%*]+|_+")


def canonical(value: str) -> str:
    """Return the one form of *value*; doing it twice changes nothing more.

    Equal values in ordinary different forms have the same one; it is what is tagged. The empty
    string says that there is nothing to recognise.
    """
    return canonical_folded(fold(value))


def canonical_folded(text: str) -> str:
    """Return :func:`canonical` of *text* that is folded already."""
    if text.isalpha() and text[-1] not in _CLOSING:
        return text
    text = text.strip(_OUTER)
    for _ in range(4):
        if (typed := _typed(text)) is not None:
            return typed
        # What stands between the letters is what is changed first.
        bare = text if text.isalnum() else _BETWEEN.sub("", text)
        if bare == text:
            break
        text = bare
    return text


def _typed(text: str) -> str | None:
    """Return the form of *text* as something of a known shape, or ``None``."""
    if not text or len(text) > _MAX_TYPED:
        return None
    digits = parse_digits(text) if text[0] in DIGITS and len(text) >= _MIN_WRITTEN else None
    if digits or text.isdecimal():
        return _digits(digits or text)
    if "@" in text and _EMAIL.fullmatch(text):
        return text
    if _FIGURE.search(text) is None or _TYPED_ONLY.fullmatch(text) is None:
        return None
    for read in (_iso_day, _amount, _date, _number):
        if (found := read(text)) is not None:
            return found
    return None


def _digits(text: str) -> str:
    """Return the form of a string of digits."""
    if len(text) == 15 and is_old_id_number(text):  # noqa: PLR2004 - as issued until 1999
        body = text[:6] + "19" + text[6:]
        return body + id_check_digit(body)
    if match := _PHONE.fullmatch(text):
        return match[1]
    if match := _COMPACT.fullmatch(text):
        return _moment(match[1], match[2], match[3], match[4]) or text
    return text


def _number(text: str) -> str | None:
    """Return the form of digits in groups, with a country code or not."""
    bare = text.translate(_GAPS)
    if len(bare) < _MIN_PHONE or bare == text:
        return _abroad(bare)
    return _digits(bare) if bare.isdecimal() else _abroad(bare)


def _abroad(bare: str) -> str | None:
    if match := _PHONE.fullmatch(bare):
        return match[1]
    match = _LANDLINE.fullmatch(bare)
    return "0" + match[1] if match else None


def _iso_day(text: str) -> str | None:
    """Return the day of the most common form, without trying the others."""
    digits = text[:4] + text[5:7] + text[8:]
    dashed = len(text) == 10 and text[4] == text[7] == "-"  # noqa: PLR2004 - 2024-01-02
    return digits if dashed and digits.isdecimal() and is_day(digits) else None


def _date(text: str) -> str | None:
    """Return ``YYYYMMDD``, with ``HHMMSS`` where a time of day is given."""
    if not any(map(str.isdecimal, text)) and "年" not in text:
        return None
    for pattern in _DATES:
        if match := pattern.fullmatch(text):
            return _from_parts(match.groupdict())
    if match := _COMPACT.fullmatch(text):
        return _moment(match[1], match[2], match[3], match[4])
    if (match := _YEAR_MONTH.fullmatch(text)) and is_day(f"{match[1]}{int(match[2]):02}01"):
        return f"{match[1]}{int(match[2]):02}"
    return None


def _from_parts(parts: dict[str, str | None]) -> str | None:
    year_text, day_text = parts["y"] or "", parts["d"] or ""
    year = int(year_text) if year_text.isdecimal() else parse_year(year_text)
    word = parts.get("word")
    month = (
        1 + "janfebmaraprmayjunjulaugsepoctnovdec".index(word) // 3
        if word
        else parse_small(parts["m"] or "")
    )
    day = parse_small(day_text)
    if year is None or month is None or day is None:
        return None
    if month > 12 >= day and "word" not in parts:  # noqa: PLR2004 - only then the other order
        month, day = day, month
    ymd = f"{year:04}{month:02}{day:02}"
    if not is_day(ymd):
        return None
    if parts["h"] is None:
        return ymd
    zone = parts["zone"]
    return _moment(ymd, parts["h"], parts["mi"] or "0", parts["s"] or "0", zone=zone)


def _moment(
    ymd: str, hour: str, minute: str, second: str, *, zone: str | None = None
) -> str | None:
    """Return date and time of day in China; midnight is the date alone."""
    if not is_day(ymd) or int(hour) > 23 or int(minute) > 59 or int(second) > 59:  # noqa: PLR2004
        return None
    day = datetime.strptime(ymd, "%Y%m%d").replace(tzinfo=_zone(zone))
    at = day + timedelta(hours=int(hour), minutes=int(minute), seconds=int(second))
    local = at.astimezone(_CHINA)
    if not (local.hour or local.minute or local.second):
        return local.strftime("%Y%m%d")
    return local.strftime("%Y%m%d%H%M%S")


def _zone(text: str | None) -> timezone:
    if text is None:
        return _CHINA
    if text in {"z", "utc"}:
        return UTC
    digits = text[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    if minutes >= 24 * 60:
        return _CHINA
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _amount(text: str) -> str | None:  # noqa: PLR0911 - a way of writing each
    """Return a number without grouping, currency, scale, sign of plus or closing zeros."""
    if (money := parse_money(text)) is not None:
        return _plain(money)
    bare = _CURRENCY.sub("", _CURRENCY.sub("", text)).strip()
    if match := _EUROPEAN.fullmatch(bare):
        return _plain(Decimal(f"{match[1]}{match[2].replace('.', '')}.{match[3]}"))
    match = _AMOUNT.fullmatch(bare)
    if match is None:
        return None
    whole = re.sub(r"[,' ]", "", match[2])
    if match[3] is None and match[5] is None and match[4] is None:
        if not match[1] or match[1] == "+":
            # A code keeps its leading zeros; a telephone or account may be grouped like this.
            return None if match[1] else _digits(whole)
        return None if whole.strip("0") == "" else f"-{whole.lstrip('0')}"
    if len(whole) > 1 and whole[0] == "0":
        return None
    number = Decimal(f"{match[1]}{whole}.{match[3] or '0'}e{match[4] or '0'}")
    return _plain(number.scaleb(_SCALES.get(match[5] or "", 0)))


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return _digits(text) if text.isdecimal() else "0" if text == "-0" else text
