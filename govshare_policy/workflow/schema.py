# SPDX-License-Identifier: Apache-2.0
"""The tables of the store, as the steps that brought them there."""

from typing import Final

# Each entry brings a store from the version before it to its own, counted from 1.
MIGRATIONS: Final = (
    """
    CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE matter (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, year INTEGER NOT NULL, number INTEGER NOT NULL,
        route TEXT NOT NULL, department TEXT NOT NULL, provider TEXT NOT NULL,
        resource TEXT NOT NULL, parent TEXT NOT NULL, salt BLOB NOT NULL, content TEXT NOT NULL,
        UNIQUE (kind, year, number)
    ) STRICT;
    CREATE TABLE state (
        matter TEXT NOT NULL REFERENCES matter (id), profile TEXT NOT NULL, state TEXT NOT NULL,
        position INTEGER NOT NULL, PRIMARY KEY (matter, profile)
    ) STRICT;
    CREATE TABLE stamp (
        matter TEXT NOT NULL REFERENCES matter (id), profile TEXT NOT NULL, event TEXT NOT NULL,
        day TEXT NOT NULL, PRIMARY KEY (matter, profile, event)
    ) STRICT;
    CREATE TABLE step (
        id TEXT PRIMARY KEY, matter TEXT NOT NULL REFERENCES matter (id), number INTEGER NOT NULL,
        step TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL, person TEXT NOT NULL,
        role TEXT NOT NULL, record INTEGER NOT NULL, detail TEXT NOT NULL, UNIQUE (matter, number)
    ) STRICT;
    CREATE TABLE intent (
        id TEXT PRIMARY KEY, log_size INTEGER NOT NULL, change TEXT NOT NULL
    ) STRICT;
    CREATE TABLE edit (
        step TEXT NOT NULL REFERENCES step (id), number INTEGER NOT NULL, file TEXT NOT NULL,
        key TEXT NOT NULL, cells TEXT, published INTEGER NOT NULL, PRIMARY KEY (step, number)
    ) STRICT;
    """,
)
