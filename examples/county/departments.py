# SPDX-License-Identifier: Apache-2.0
"""The departments' own APIs: plain HTTP on loopback over one SQLite file a department.

They answer with whole records, internal columns and all, to whoever asks: keeping what is not
granted from leaving is the business of the sidecar in front of them.
"""

import argparse
import asyncio
import contextlib
import signal
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from examples.county.people import Person, invented_companies, invented_people

ADULTS: Final = tuple(invented_people(24, first=1, born=(1958, 2001)))
CHILDREN: Final = tuple(invented_people(12, first=101, born=(2012, 2019)))
COMPANIES: Final = tuple(invented_companies(12))


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one department holds for one resource.

    Attributes:
        paths: The paths before the key; ways to ask for the same records.
        columns: The key first; those that no catalogue lists stand last.
        wrapped: Whether the API puts its records into ``data.items``.
    """

    paths: tuple[str, ...]
    resource: str
    department: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    wrapped: bool = False


def _pick(choices: Sequence[str], number: int) -> str:
    return choices[number % len(choices)]


def _of_adults() -> Iterable[tuple[int, Person]]:
    return enumerate(ADULTS)


HOLDINGS: Final = (
    Holding(
        paths=("/population",),
        resource="R01",
        department="D-PSB",
        columns=("id_no", "name", "gender", "birth_date", "household_region", "internal_file_no"),
        rows=tuple(
            (p.id_no, p.name, p.gender, p.birth_date.isoformat(), "999999", f"PSB-{n:05d}")
            for n, p in _of_adults()
        ),
    ),
    Holding(
        paths=("/legal-entities",),
        resource="R03",
        department="D-MSA",
        columns=("uscc", "entity_name", "legal_rep", "reg_status", "reg_address", "internal_risk"),
        rows=tuple(
            (c.uscc, c.name, c.legal_rep, "存续", f"青岚县示例路{n + 1}号", "低")
            for n, c in enumerate(COMPANIES)
        ),
    ),
    Holding(
        paths=("/marriages", "/bulk/marriages"),
        resource="R08",
        department="D-CAB",
        columns=("id_no", "name", "marital_status", "reg_date", "internal_note"),
        rows=tuple(
            (p.id_no, p.name, _pick(("已婚", "未婚", "离婚"), n), "2016-05-20", "仅供内部")
            for n, p in _of_adults()
        ),
    ),
    Holding(
        paths=("/allowances",),
        resource="R09",
        department="D-CAB",
        columns=("id_no", "name", "allowance_class", "valid_to"),
        rows=tuple((p.id_no, p.name, _pick("ABC", n), "2030-12-31") for n, p in _of_adults()),
    ),
    Holding(
        paths=("/social-insurance",),
        resource="R10",
        department="D-HRS",
        columns=("id_no", "name", "insured_status", "employer", "pay_base", "phone"),
        rows=tuple(
            (
                p.id_no,
                p.name,
                _pick(("正常参保", "暂停参保"), n),
                COMPANIES[n % len(COMPANIES)].name,
                4200 + 180 * n,
                "00000000000",
            )
            for n, p in _of_adults()
        ),
    ),
    Holding(
        paths=("/real-estate", "/online/real-estate"),
        resource="R12",
        department="D-NRB",
        columns=("id_no", "owner_name", "location", "area", "mortgage"),
        rows=tuple(
            (p.id_no, p.name, f"青岚县示例小区{n + 1}幢", 60 + n, _pick(("无", "有"), n))
            for n, p in _of_adults()
        ),
    ),
    Holding(
        paths=("/births",),
        resource="R15",
        department="D-HEC",
        columns=("cert_no", "child_name", "mother_id", "birth_date"),
        rows=tuple(
            (f"X9999{n:05d}", c.name, ADULTS[n].id_no, c.birth_date.isoformat())
            for n, c in enumerate(CHILDREN)
        ),
    ),
    Holding(
        paths=("/students",),
        resource="R16",
        department="D-EDU",
        columns=("id_no", "name", "school", "grade", "status"),
        rows=tuple(
            (c.id_no, c.name, "青岚县示例小学", n % 6 + 1, "在读") for n, c in enumerate(CHILDREN)
        ),
    ),
    Holding(
        paths=("/public-housing",),
        resource="R17",
        department="D-HCB",
        columns=("id_no", "name", "household_size", "address", "internal_score"),
        rows=tuple(
            (p.id_no, p.name, n % 4 + 1, f"青岚县示例公租房{n + 1}室", 80 + n % 20)
            for n, p in _of_adults()
        ),
        wrapped=True,
    ),
    Holding(
        paths=("/projects",),
        resource="R31",
        department="D-DRC",
        columns=("project_code", "location", "risk_level"),
        rows=(("QL-2030-001", "示例项目一", "中"),),
    ),
    Holding(
        paths=("/maps",),
        resource="R34",
        department="D-NRB",
        columns=("sheet_no", "image"),
        rows=(("SHEET-001", "an invented sheet without contents"),),
    ),
    Holding(
        paths=("/parking-permits",),
        resource="R99",
        department="D-TRA",
        columns=("permit_no", "holder"),
        rows=(("P-0001", "示例持有人"),),
    ),
)


def write_databases(directory: Path) -> None:
    """Write one SQLite file a department into *directory*, which holds none yet."""
    for holding in HOLDINGS:
        names = ", ".join(f'"{name}"' for name in holding.columns)
        marks = ", ".join("?" * len(holding.columns))
        with contextlib.closing(sqlite3.connect(directory / f"{holding.department}.db")) as base:
            # Names of tables and columns are constants of this file.
            base.execute(f'CREATE TABLE "{holding.resource}" ({names})')
            base.executemany(
                f'INSERT INTO "{holding.resource}" VALUES ({marks})',  # noqa: S608
                holding.rows,
            )
            base.commit()


def application(directory: Path) -> web.Application:
    """Return the APIs of all departments over the files in *directory*.

    ``/answered`` says how many requests the departments have had: a call that the sidecar refuses
    must not be among them.
    """
    app = web.Application()
    answered = [0]

    async def count(_request: web.Request) -> web.Response:
        return web.json_response({"answered": answered[0]})

    for holding in HOLDINGS:
        api = _Api(holding, directory / f"{holding.department}.db", answered)
        for path in holding.paths:
            app.router.add_get(f"{path}/{{key}}", api.answer)
        if holding.resource == "R08":
            app.router.add_get("/batches/marriages/{page}", api.answer_all)
    app.router.add_get("/answered", count)
    return app


class _Api:
    """Answers with one record of one holding."""

    def __init__(self, holding: Holding, database: Path, answered: list[int]) -> None:
        self._holding = holding
        self._database = database
        self._answered = answered  # one counter, shared by all

    async def answer(self, request: web.Request) -> web.Response:
        """Answer with the record whose key is at the end of the path."""
        holding = self._holding
        self._answered[0] += 1
        query = f'SELECT * FROM "{holding.resource}" WHERE "{holding.columns[0]}" = ?'  # noqa: S608
        with contextlib.closing(sqlite3.connect(self._database)) as base:
            row = base.execute(query, (request.match_info["key"],)).fetchone()
        if row is None:
            return web.json_response({"error": "no such record"}, status=404)
        record = dict(zip(holding.columns, row, strict=True))
        if holding.wrapped:
            return web.json_response({"code": 0, "data": {"total": 1, "items": [record]}})
        return web.json_response(record)

    async def answer_all(self, _request: web.Request) -> web.Response:
        """Answer with all records, in one page."""
        holding = self._holding
        self._answered[0] += 1
        with contextlib.closing(sqlite3.connect(self._database)) as base:
            rows = base.execute(f'SELECT * FROM "{holding.resource}"').fetchall()  # noqa: S608
        items = [dict(zip(holding.columns, row, strict=True)) for row in rows]
        return web.json_response({"code": 0, "data": {"total": len(items), "items": items}})


async def serve(directory: Path) -> None:
    """Serve on a free port of loopback until told to stop; print the port when ready."""
    runner = web.AppRunner(application(directory))
    await runner.setup()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(f"ready 127.0.0.1:{runner.addresses[0][1]}", flush=True)
        await stopped.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the SQLite files")
    asyncio.run(serve(parser.parse_args().data))
