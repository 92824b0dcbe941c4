# SPDX-License-Identifier: Apache-2.0
"""A small department: its key, releases to it, and rows that look like the real thing."""

from datetime import UTC, date, datetime

from govshare_policy.egress.keys import DepartmentKey
from govshare_policy.egress.kinds import id_check_digit
from govshare_policy.egress.register import ReleasedRows, ReleaseMeta, Scalar

KEY = DepartmentKey(epoch=1, secret=bytes(range(32)))
AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
FIELDS = ("id_no", "name", "sex", "phone", "born", "address")
NAMES = ("王小明", "李国强", "张丽华", "陈志远", "赵海燕", "孙建军", "周雅琴", "吴天宇")


def person(number: int) -> dict[str, Scalar]:
    """Return the row of one person."""
    born = f"19{50 + number % 50}{1 + number % 12:02}{1 + number % 28:02}"
    body = f"410727{born}{number % 1000:03}"
    return {
        "id_no": body + id_check_digit(body).upper(),
        "name": NAMES[number % len(NAMES)],
        "sex": "男" if number % 2 else "女",
        "phone": f"138{number:08}",
        "born": f"{born[:4]}-{born[4:6]}-{born[6:]}",
        "address": f"封丘县幸福路{number}号",
    }


def meta(receipt: str = "R-1", *, lapses_on: date | None = None) -> ReleaseMeta:
    """Return the description of a release."""
    return ReleaseMeta(
        receipt_id=receipt,
        grant="G01",
        resource="R08",
        provider="D-MZJ",
        fields=FIELDS,
        registered_at=AT,
        lapses_on=lapses_on,
    )


def release(*numbers: int, receipt: str = "R-1", lapses_on: date | None = None) -> ReleasedRows:
    """Return a release of some persons."""
    rows = [person(number) for number in numbers]
    return ReleasedRows(
        meta=meta(receipt, lapses_on=lapses_on), rows=rows, subject_fields=("id_no",)
    )
