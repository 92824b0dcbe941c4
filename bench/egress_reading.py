# SPDX-License-Identifier: Apache-2.0
"""How many megabytes a second of one core the reading of outbound bodies takes, form by form.

Usage: ``python bench/egress_reading.py [--rows 20000]``.
"""

import time

from bench import report as reports
from bench.audit_common import describe_machine
from govshare_policy.egress.reading import read
from tests.unit.egress.reading.writers import FORMS, Row

_FORMS = (
    "csv",
    "json",
    "ndjson",
    "tsv",
    "gzip",
    "base64",
    "xml",
    "html",
    "yaml",
    "sql",
    "log",
    "prose",
    "xlsx",
)


def make_rows(count: int) -> list[Row]:
    """Return *count* records of seven fields."""
    return [
        {
            "姓名": "赵钱孙李周吴郑王"[n % 8] + "明慧志远"[n // 8 % 4],
            "证件": f"4401061990{n % 12 + 1:02}{n % 28 + 1:02}{n % 9000 + 1000}",
            "住址": f"广州市天河区体育西路{n}号{n % 7 + 1}栋",
            "日期": f"1990-{n % 12 + 1:02}-{n % 28 + 1:02}",
            "电话": f"138{n:08}",
            "邮箱": f"user{n}@example.com",
            "备注": "无",
        }
        for n in range(count)
    ]


def main() -> None:
    """Print one line a form."""
    parser = reports.options(__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    chosen, report = parser.parse_args(), reports.Report(name="egress_reading")
    rows = make_rows(chosen.rows)
    describe_machine("egress reading")
    for form in _FORMS:
        body = FORMS[form](rows)
        started_s = time.process_time()
        reading = read(body)
        spent_s = time.process_time() - started_s
        rate = len(body) / 1e6 / spent_s
        print(
            f"{form:8} {len(body) / 1e6:6.2f} MB {rate:6.1f} MB/s {len(reading.text):9} characters"
        )
        report.rows.append(reports.Row(series=f"read {form}", unit="MB/s", value=rate, n=1))
    report.write(chosen.json)


if __name__ == "__main__":
    main()
