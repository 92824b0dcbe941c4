# SPDX-License-Identifier: Apache-2.0
"""The sample county, changed as a case says, and the plain call that cases differ from."""

import csv
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from govshare_policy import AssumedTrust, Basis, RegisterFacts, load_bundle, load_register
from govshare_policy.policy import Precedence
from govshare_policy.register import Register

ROOT = Path(__file__).resolve().parent.parent
COUNTY = ROOT / "tests" / "vectors" / "county"
KEYS = {
    "departments.tsv": "dept_id",
    "systems.tsv": "system_id",
    "resources.tsv": "resource_id",
    "grants.tsv": "grant_id",
}
PLAIN: Mapping[str, Any] = {
    "id": "case",
    "at": "2025-09-22T10:00:00+08:00",
    "action": "read",
    "department": "D-HCB",
    "system": "SYS-HCB-PRH",
    "resource": "R08",
    "fields": ["id_no", "marital_status"],
    "purpose": "data_verification",
    "grant": "G01",
}

Change = Mapping[str, list[dict[str, str]]]


def write_county(directory: Path, change: Change | None = None) -> Path:
    """Copy the county into *directory*, changing or adding the rows that *change* gives."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in COUNTY.glob("*.tsv"):
        shutil.copyfile(path, directory / path.name)
    for name, rows in (change or {}).items():
        _write_rows(directory / name, rows, key=KEYS.get(name))
    return directory


def _write_rows(path: Path, rows: list[dict[str, str]], *, key: str | None) -> None:
    table: list[dict[str, str]] = []
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            table = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        old = [line for line in table if key and line[key] == row[key]]
        if old:
            old[0].update(row)
        else:
            table.append(dict(row))
    columns = list(dict.fromkeys(column for line in table for column in line))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter="\t", restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


def basis_over(
    register: Register, profile: str, precedence: Precedence = Precedence.LOCAL
) -> Basis:
    """Return the basis of an offline check over *register*."""
    return Basis(
        trust=AssumedTrust(),
        facts=RegisterFacts(register=register),
        bundle=load_bundle(profile, register, precedence=precedence),
    )


def county_register(directory: Path, change: Change | None = None) -> Register:
    """Write the county into *directory* and load it."""
    return load_register(write_county(directory, change))
