# SPDX-License-Identifier: Apache-2.0
"""``govshare egress holdings``: what the department held before it obtained the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from govshare_policy.audit import Receipt, format_time
from govshare_policy.cli.audit_common import WorkerOption, there
from govshare_policy.cli.egress_common import (
    DirectoryOption,
    KeyOption,
    KeysOption,
    PublicOption,
    parse_day,
    show,
)
from govshare_policy.cli.output import LangOption, OutputOption
from govshare_policy.cli.passphrase import PassphraseOption, read_passphrase
from govshare_policy.cli.workflow import print_rows
from govshare_policy.crypto import load_public_key, open_signer
from govshare_policy.egress.holdings import (
    HoldingEvent,
    Statement,
    holdings_record,
    load_holdings,
    register_holdings,
)
from govshare_policy.egress.place import Place
from govshare_policy.errors import ConfigError

_EVENTS: Final = {HoldingEvent.LATE: "登记晚于首次取得", HoldingEvent.LARGE: "登记数量骤增"}
_STATEMENTS: Final = {
    "number": "序号",
    "registered_at": "登记时间",
    "subjects": "主体数",
    "values": "值数",
}

holdings_app = typer.Typer(
    no_args_is_help=True,
    help="What the department held before it obtained the same.\n\n"
    "Example: govshare egress holdings list --directory egress --keys keys/egress.key "
    "--public keys/holdings.pub",
)


@holdings_app.command("import")
def import_command(  # noqa: PLR0913  each is an option of the command
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv, .tsv or .jsonl file.")],
    *,
    subject: Annotated[
        str, typer.Option("--subject", help="The column that says whose row it is.")
    ],
    directory: DirectoryOption,
    keys: KeysOption,
    key: KeyOption,
    config: Annotated[
        Path, typer.Option("--config", help="The configuration of the sidecar whose log says it.")
    ],
    worker: WorkerOption = None,
    passphrase_file: PassphraseOption = None,
    first_release: Annotated[
        str, typer.Option("--first-release", metavar="DATE", help="Since when data are obtained.")
    ] = "",
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Say what the department holds of whom by itself; later releases of the same do not count.

    The audit log says so before it counts, with numbers and without values; a registration after
    the first release, or a large one, is said to be one. The sidecar must not be running: its log
    has one writer.

    Example: govshare egress holdings import people.csv --subject id_no --directory egress
    --keys keys/egress.key --key keys/holdings.pem --passphrase-file keys/holdings.passphrase
    --config govshare.toml
    """
    place = Place(directory=directory, keys=there(keys))
    newest = place.load()[-1]
    began = None
    if first_release:
        day = parse_day(first_release, "--first-release")
        began = datetime(day.year, day.month, day.day, tzinfo=UTC)
    where = place.holdings(newest)
    where.mkdir(mode=0o700, exist_ok=True)
    signer = open_signer(f"file:{there(key)}", read_passphrase(passphrase_file))
    at = datetime.now(UTC)
    with _appending(there(config), worker) as append:
        statement, events = register_holdings(
            where,
            there(file),
            subject=subject,
            at=at,
            key=newest,
            signer=signer,
            first_release=began,
            record=lambda said, events: append(holdings_record(said, events)),
        )
    document = {**_statement(statement), "events": [event.value for event in events]}
    zh = "".join(f" · ! {_EVENTS[event]}" for event in events)
    en = "".join(f" · ! {event.value.replace('_', ' ')}" for event in events)
    show(
        document,
        output,
        lang,
        zh=f"已登记自有数据 · {statement.values} 值{zh}",
        en=f"registered own holdings · {statement.values} values{en}",
    )


@holdings_app.command("list")
def list_command(
    directory: DirectoryOption,
    keys: KeysOption,
    public: PublicOption,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """List the registrations of own holdings, once all of them are verified.

    Example: govshare egress holdings list --directory egress --keys keys/egress.key
    --public keys/holdings.pub
    """
    place = Place(directory=there(directory), keys=there(keys))
    key = place.load()[-1]
    held = load_holdings(place.holdings(key), key=key, public=load_public_key(there(public)))
    documents = [_statement(one) for one in held.statements]
    print_rows("statements", documents, _STATEMENTS, output=output, lang=lang)


def _statement(statement: Statement) -> dict[str, object]:
    return {
        "number": statement.number,
        "registered_at": format_time(statement.registered_at),
        "subjects": statement.subjects,
        "values": statement.values,
        "source": statement.source,
    }


@contextmanager
def _appending(path: Path, worker: int | None) -> Iterator[Callable[[bytes], Receipt]]:
    """Open the log that the configuration at *path* names, and give what appends to it."""
    try:
        from govshare_sidecar.config import load_config  # noqa: PLC0415  an extra
        from govshare_sidecar.journal import open_log  # noqa: PLC0415
        from govshare_sidecar.share import log_of  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs `{error.name}`; install govshare-policy[sidecar]") from None
    with open_log(log_of(load_config(path), worker), now=lambda: datetime.now(UTC)) as log:
        yield log.append
