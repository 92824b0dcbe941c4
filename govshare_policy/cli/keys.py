# SPDX-License-Identifier: Apache-2.0
"""``govshare keys``: SM2 keys for the audit log, and giving a log another one."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO

import typer

from govshare_policy.audit import (
    Pin,
    follow_rotation,
    format_trust,
    load_trust,
    rotate_key,
    trust_text,
)
from govshare_policy.audit.pin_open import full_name, join_pins, open_pin
from govshare_policy.cli.audit_common import outside, there
from govshare_policy.cli.output import Output, OutputOption, chosen_output, dump
from govshare_policy.cli.passphrase import PASSPHRASE_VARIABLE
from govshare_policy.crypto import PublicKey, generate_key, load_public_key, open_signer
from govshare_policy.errors import ConfigError, VerificationError

keys_app = typer.Typer(no_args_is_help=True, help="Make, show and rotate SM2 keys.")


@keys_app.command("generate")
def generate_command(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The new private key file.")],
    passphrase_file: Annotated[
        Path | None,
        typer.Option("--passphrase-file", help="A file whose first line is the passphrase."),
    ] = None,
    output: OutputOption = None,
) -> None:
    """Make an SM2 key: FILE is encrypted PKCS#8, FILE.pub its public key in PEM.

    The passphrase comes from the file, from $GOVSHARE_PASSPHRASE, or is asked for on a terminal.

    Example: govshare keys generate keys/audit.pem --passphrase-file keys/audit.passphrase
    """
    public_path = path.with_name(f"{path.name}.pub")
    if public_path.exists():
        raise ConfigError(f"`{public_path.name}` exists; choose another name")
    public = generate_key(path, _passphrase(passphrase_file))
    public_path.write_bytes(public.to_pem())
    _print(public, output, {"private": str(path), "public": str(public_path)})


@keys_app.command("show")
def show_command(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A public key file (PEM).")],
    origin: Annotated[
        str, typer.Option("--origin", help="Print a trust file for the log of this name.")
    ] = "",
    output: OutputOption = None,
) -> None:
    """Show a public key and its fingerprint, or a trust file that names it.

    Example: govshare keys show keys/audit.pem.pub --origin qinglan/audit > trust.toml
    """
    public = load_public_key(path)
    if origin:
        try:
            text = trust_text(origin, public)
        except VerificationError as error:
            raise ConfigError(f"{error}; choose another origin") from None
        typer.echo(text, nl=False)
        return
    _print(public, output, {"public": str(path)})


@keys_app.command("rotate")
def rotate_command(  # noqa: PLR0913  each is an option of the command
    *,
    log: Annotated[Path, typer.Option("--log", help="The directory of the log; nobody writes.")],
    key: Annotated[str, typer.Option("--key", help="The key in force, as file:PATH.")],
    new: Annotated[str, typer.Option("--new", help="The key that takes over, as file:PATH.")],
    trust: Annotated[Path, typer.Option("--trust", help="The trust file until now.")],
    out: Annotated[Path, typer.Option("--out", help="The new trust file; it must not exist.")],
    pins: Annotated[
        list[str] | None,
        typer.Option("--pin", help="A pin of the log, each of them; without it none is checked."),
    ] = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option("--passphrase-file", help="A file with the passphrase of the key in force."),
    ] = None,
    new_passphrase_file: Annotated[
        Path | None,
        typer.Option("--new-passphrase-file", help="That of the new key; by default the same."),
    ] = None,
    output: OutputOption = None,
) -> None:
    """Give a log another key: a record that both keys sign, and a trust file that knows both.

    Stop the sidecar before, name the new key in its configuration after. Should this be cut short,
    run it again: it finishes what was begun. Auditors and witnesses need the new trust file.

    Example: govshare keys rotate --log audit/log --pin audit/pin --key file:keys/audit.pem
    --new file:keys/audit-2.pem --passphrase-file keys/audit.passphrase --trust trust.toml
    --out trust-2.toml
    """
    if out.exists():
        raise ConfigError(f"`{out.name}` exists; choose another name")
    outside(there(log), out)
    policy = load_trust(trust)
    passphrase = _passphrase(passphrase_file)
    new_passphrase = _passphrase(new_passphrase_file) if new_passphrase_file else passphrase
    with ExitStack() as stack:
        # It is there before the log changes, so that a wrong path changes nothing.
        file = stack.enter_context(_placed(out))
        rotation = rotate_key(
            log,
            signer=open_signer(key, passphrase),
            successor=open_signer(new, new_passphrase),
            at=datetime.now(UTC),
            trust=policy,
            pin=_open_pins(pins, stack) if pins else None,
        )
        file.write(format_trust(follow_rotation(policy, rotation, log)))
    files = {"trust": str(out), "from_size": str(rotation.size)}
    _print(rotation.new, output, files)


@contextmanager
def _placed(path: Path) -> Iterator[TextIO]:
    """Give a new file beside *path*, which takes its name at the end and goes if it fails."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("x", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    finally:
        beside.unlink(missing_ok=True)


def _open_pins(pins: list[str], stack: ExitStack) -> Pin:
    """Return *pins* as one, which *stack* closes."""
    here = Path()
    pin = join_pins([open_pin(full_name(text, directory=here)) for text in pins])
    stack.callback(pin.close)
    return pin


def _print(public: PublicKey, output: Output | None, files: dict[str, str]) -> None:
    document = {
        **files,
        "algorithm": "SM2",
        "fingerprint": f"sm3:{public.fingerprint.hex()}",
    }
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is not Output.TABLE:
        typer.echo(dump(document | {"pem": public.to_pem().decode()}, form))
        return
    for key, value in document.items():
        typer.echo(f"{key:<12} {value}")
    typer.echo(public.to_pem().decode(), nl=False)


def _passphrase(file: Path | None) -> bytes:
    if file is not None:
        try:
            text = file.read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
        except OSError as error:
            raise ConfigError(
                f"the passphrase file cannot be read ({error.strerror}); check the path"
            ) from None
    elif PASSPHRASE_VARIABLE in os.environ:
        text = os.fsencode(os.environ[PASSPHRASE_VARIABLE])
    elif sys.stdin.isatty():
        text = typer.prompt("passphrase", hide_input=True, confirmation_prompt=True).encode()
    else:
        raise ConfigError("give a passphrase with --passphrase-file or $GOVSHARE_PASSPHRASE")
    if not text:
        raise ConfigError("the passphrase is empty; choose one")
    return bytes(text)
