# SPDX-License-Identifier: Apache-2.0
"""Which field of which generator plays which part in a form change."""

from tests.egress.generators import Row

ROLES: dict[str, dict[str, str]] = {
    "household": {
        "id": "id_no",
        "name": "name",
        "phone": "phone",
        "date": "birth_date",
        "address": "address",
        "amount": "amount",
        "other": "company",
    },
    "insured": {
        "id": "证件号码",
        "name": "参保人",
        "phone": "联系电话",
        "date": "出生日期",
        "address": "住址",
        "amount": "缴费基数",
        "other": "银行账号",
    },
    "enterprise": {
        "id": "uscc",
        "name": "legal_rep",
        "phone": "mobile",
        "date": "founded",
        "address": "site",
        "amount": "capital",
        "other": "corp",
    },
    "villager": {
        "id": "公民身份号码",
        "name": "户主",
        "phone": "手机",
        "date": "出生年月日",
        "address": "家庭住址",
        "amount": "补贴金额(元)",
        "other": "不动产单元号",
    },
}


def role_of(row: Row, role: str) -> str:
    """Return the name of the field that plays *role* in *row*."""
    return next(roles[role] for roles in ROLES.values() if roles["id"] in row)


def only(rows: list[Row], *roles: str) -> list[Row]:
    """Return the rows with nothing but the fields of these roles."""
    return [{role_of(row, role): row[role_of(row, role)] for role in roles} for row in rows]


def changed(row: Row, **values: str) -> Row:
    """Return the row with the values of some roles replaced."""
    return row | {role_of(row, role): value for role, value in values.items()}
