# SPDX-License-Identifier: Apache-2.0
"""``govshare call sign``: a call under its caller's own signature."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from govshare_policy.call import MAX_CALL_BYTES, parse_call
from govshare_policy.cli.audit_common import there
from govshare_policy.cli.passphrase import PassphraseOption, read_passphrase
from govshare_policy.crypto import open_signer
from govshare_policy.envelope import request_digest, seal
from govshare_policy.errors import CallError

_MAX_BODY_BYTES: Final = 64 << 20

call_app = typer.Typer(no_args_is_help=True, help="Sign calls as their caller.")


@call_app.callback()
def _group() -> None:
    """Sign calls as their caller."""


@call_app.command("sign")
def sign_command(  # noqa: PLR0913  each is an option of the command
    call: Annotated[str, typer.Argument(metavar="CALL", help="A file with the call; - to read.")],
    *,
    key: Annotated[str, typer.Option("--key", help="A key registered for SYSTEM, as file:PATH.")],
    system: Annotated[str, typer.Option("--system", help="Who asks.")],
    department: Annotated[str, typer.Option("--department", help="Whose system it is.")],
    audience: Annotated[str, typer.Option("--audience", help="The gateway that is asked.")],
    method: Annotated[
        str, typer.Option("--method", help="Of the request; over gRPC POST. With --target.")
    ] = "GET",
    target: Annotated[
        str, typer.Option("--target", help="Path and query as they are sent; none for Check.")
    ] = "",
    body: Annotated[
        Path | None, typer.Option("--body", help="A file with the body or the one message.")
    ] = None,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Print the envelope of a call: the value of the header `Govshare-Envelope`, good once.

    CALL says exactly what will be asked, with the resource, the fields and the channel of the
    route, and the subject where the route has one.

    Example: echo '{"action": "read", "resource": "R08", "fields": ["id_no"], "purpose":
    "data_verification"}' | govshare call sign - --key file:keys/caller.pem --system SYS-HCB-PRH
    --department D-HCB --audience qinglan/audit --target '/marriages/1?a=2'
    """
    if body is not None and not target:
        raise CallError("--body goes with --target, the path that it is sent to")
    stated = parse_call(_read(call), on_the_wire=True)
    sent = _bytes(body, _MAX_BODY_BYTES) if body is not None else b""
    envelope = seal(
        stated,
        open_signer(key, read_passphrase(passphrase_file)),
        system=system,
        department=department,
        audience=audience,
        at=datetime.now(UTC),
        request=request_digest(method, target, sent) if target else "",
    )
    typer.echo(envelope)


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(MAX_CALL_BYTES + 1)
    return _bytes(Path(name), MAX_CALL_BYTES)


def _bytes(path: Path, most: int) -> bytes:
    with there(path).open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise CallError(f"`{path.name}` is too large")
    return data
