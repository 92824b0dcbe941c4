# SPDX-License-Identifier: Apache-2.0
"""Forms in which released rows are not recognised. They are published, so that nobody relies."""

import json
from collections import Counter
from random import Random

from govshare_policy.crypto import sm3
from tests.egress.forms import Form, as_csv
from tests.egress.generators import Row
from tests.egress.roles import only, role_of

_SOUNDS = ("wang", "li", "zhang", "liu", "chen", "yang", "zhao", "huang", "zhou", "wu")
_LOOKALIKE = str.maketrans("0123456789", "OlZEASbTBg")


def masked_identity(row: Row) -> Row:
    number = row[role_of(row, "id")]
    return {"a": row[role_of(row, "name")], "b": number[:6] + "*" * 8 + number[-4:]}


def hashed(row: Row) -> Row:
    digest = sm3(row[role_of(row, "id")].encode())
    return {"digest": str(int.from_bytes(digest[:12]))}


def aggregates(rows: list[Row]) -> bytes:
    towns = Counter(row[role_of(row, "address")][:9] for row in rows)
    return json.dumps(towns, ensure_ascii=False).encode()


def sounded(row: Row) -> Row:
    """Name in Latin letters, birth year alone: what a translation leaves."""
    name = row[role_of(row, "name")]
    sounds = " ".join(_SOUNDS[ord(character) % len(_SOUNDS)] for character in name)
    return {
        "name": sounds,
        "year": "".join(c for c in row[role_of(row, "date")] if c.isdigit())[:4],
    }


def enciphered(row: Row) -> Row:
    """Each cell under a key that the guard does not have, as digits."""
    random = Random(row[role_of(row, "id")])  # noqa: S311 - stands for a cipher
    return {f"c{at}": f"{random.randrange(10**30):030}" for at in range(len(row))}


def halved(row: Row) -> Row:
    """Every value in two cells."""
    halves: Row = {}
    for key, value in row.items():
        middle = len(value) // 2
        halves |= {f"{key}1": value[:middle], f"{key}2": value[middle:]}
    return halves


def partly_masked(value: str) -> str:
    third = len(value) // 3
    return value[:third] + "*" * (len(value) - 2 * third) + value[len(value) - third :]


UNSEEN: dict[str, Form] = {
    "name only": lambda rows: as_csv(only(rows, "name")),
    "date only": lambda rows: as_csv(only(rows, "date")),
    "name and masked identifier": lambda rows: as_csv([masked_identity(row) for row in rows]),
    "hash of the identifier": lambda rows: as_csv([hashed(row) for row in rows]),
    "digits replaced by letters that look alike": lambda rows: as_csv(
        [{"id": row[role_of(row, "id")].translate(_LOOKALIKE)} for row in rows]
    ),
    "cells enciphered one by one": lambda rows: as_csv([enciphered(row) for row in rows]),
    "aggregates": aggregates,
    "names in pinyin and years": lambda rows: as_csv([sounded(row) for row in rows]),
    "rounded amounts": lambda rows: as_csv(
        [{"v": row[role_of(row, "amount")].replace(",", "").split(".")[0][:1]} for row in rows]
    ),
    "characters in reverse order": lambda rows: as_csv(
        [{key: value[::-1] for key, value in row.items()} for row in only(rows, "id", "phone")]
    ),
    "every value in two cells": lambda rows: as_csv([halved(row) for row in rows]),
    "every value masked in its middle": lambda rows: as_csv(
        [{key: partly_masked(value) for key, value in row.items()} for row in rows]
    ),
    "characters as numbers in calls": lambda rows: "\n".join(
        ",".join(f"NCHAR({','.join(str(ord(c)) for c in value)})" for value in row.values())
        for row in rows
    ).encode(),
    "characters one below the other": lambda rows: "\n\n".join(
        "\n".join("，".join(row.values())) for row in rows
    ).encode(),
}
"""Forms that pass. One that no longer does is a row of the other table."""
