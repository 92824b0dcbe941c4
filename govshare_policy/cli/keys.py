# SPDX-License-Identifier: Apache-2.0
"""``govshare keys``: SM2 keys for the audit log."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from govshare_policy.audit import trust_text
from govshare_policy.cli.output import Output, OutputOption, chosen_output, dump
from govshare_policy.crypto import PublicKey, generate_key, load_public_key
from govshare_policy.errors import ConfigError, VerificationError

PASSPHRASE_VARIABLE = "GOVSHARE_PASSPHRASE"  # noqa: S105  the name of a variable, not a secret

keys_app = typer.Typer(no_args_is_help=True, help="Make and show SM2 keys.")


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
