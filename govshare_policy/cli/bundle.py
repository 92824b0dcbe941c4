# SPDX-License-Identifier: Apache-2.0
"""``govshare policy bundle``: make, sign and verify what a sidecar in production decides by."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from govshare_policy.audit import format_time
from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    console,
    dump,
)
from govshare_policy.cli.passphrase import PassphraseOption, read_passphrase
from govshare_policy.crypto import load_public_key, open_signer
from govshare_policy.errors import CallError, VerificationError
from govshare_policy.policy import Precedence
from govshare_policy.signed import BundleManifest, build_bundle, sign_bundle, verify_bundle

BundleArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The directory of the bundle.")]
_NAMES: Final = {
    "profile": "文本",
    "precedence": "适用方式",
    "revision": "版本",
    "created": "制作时间",
    "files": "文件数",
    "key_fingerprint": "签名公钥",
}

bundle_app = typer.Typer(no_args_is_help=True, help="Make, sign and verify policy bundles.")


@bundle_app.command("build")
def build_command(
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The new directory.")],
    profile: Annotated[str, typer.Option("--profile", help="Whose text decides: hubei, …")],
    data: Annotated[Path, typer.Option("--data", help="The data directory.")],
    precedence: Annotated[
        Precedence, typer.Option("--precedence", help="Which texts are asked when two speak.")
    ],
    created: Annotated[
        str,
        typer.Option(
            "--created",
            metavar="INSTANT",
            help="When the bundle is made, as it will say; no clock is read.",
        ),
    ],
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Write packs and registers to the new directory OUT, with a manifest. Signs nothing.

    The same input gives the same bytes, so that two people can make it and compare.

    Example: govshare policy bundle build bundle --profile hubei --data data
    --precedence strictest --created 2026-01-05T09:00:00+08:00
    """
    manifest = build_bundle(
        target,
        profile=profile,
        data=data,
        precedence=precedence,
        created=parse_instant(created, option="--created"),
    )
    said = ("已制作，尚未签名", "made, not signed yet")
    _print(_document(manifest), output, lang, said=said)


@bundle_app.command("sign")
def sign_command(
    directory: BundleArgument,
    key: Annotated[Path, typer.Option("--key", help="The private key file.")],
    passphrase_file: PassphraseOption = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Sign a bundle with an SM2 key, once it holds what its manifest says and loads as that.

    The passphrase comes from the file, from $GOVSHARE_PASSPHRASE, or is asked for on a terminal.

    Example: govshare policy bundle sign bundle --key keys/policy.pem
    --passphrase-file keys/policy.passphrase
    """
    signer = open_signer(f"file:{key}", read_passphrase(passphrase_file))
    manifest = sign_bundle(directory, signer)
    signed_by = {"key_fingerprint": f"sm3:{signer.public.fingerprint.hex()}"}
    _print(_document(manifest) | signed_by, output, lang, said=("已签名", "signed"))


@bundle_app.command("verify")
def verify_command(
    directory: BundleArgument,
    key: Annotated[Path, typer.Option("--key", help="The public key file (PEM).")],
    not_before: Annotated[
        str | None,
        typer.Option("--not-before", metavar="INSTANT", help="The oldest bundle that is taken."),
    ] = None,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Verify a bundle: its signature, then every file against the manifest.

    Exits 0 when it verifies and 1 when it does not, naming the first bad file.

    Example: govshare policy bundle verify bundle --key keys/policy.pem.pub
    """
    public = load_public_key(key)
    oldest = None if not_before is None else parse_instant(not_before, option="--not-before")
    try:
        manifest = verify_bundle(directory, public, not_before=oldest)
    except VerificationError as error:
        _print_failure(error, output, lang)
        raise typer.Exit(1) from None
    signed_by = {"key_fingerprint": f"sm3:{public.fingerprint.hex()}"}
    document = {"verified": True} | _document(manifest) | signed_by
    _print(document, output, lang, said=("验证通过", "verified"))


def parse_instant(text: str, *, option: str) -> datetime:
    """Return the instant that *text* gives for *option*.

    Raises:
        CallError: If it is not a date and time with an offset.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise CallError(f"{option} takes an instant with an offset: 2026-01-05T09:00:00+08:00")
    return at


def _document(manifest: BundleManifest) -> dict[str, object]:
    return {
        "profile": manifest.profile,
        "precedence": manifest.precedence.value,
        "revision": f"sm3:{manifest.revision.hex()}",
        "created": format_time(manifest.created),
        "files": [
            {"path": file.path, "bytes": file.size_bytes, "sm3": file.digest.hex()}
            for file in manifest.files
        ],
    }


def _print(
    document: dict[str, object], asked: Output | None, lang: Lang | None, *, said: tuple[str, str]
) -> None:
    form = chosen_output(asked, off_terminal=Output.JSON)
    if form is not Output.TABLE:
        typer.echo(dump(document, form))
        return
    chinese, out = chosen_lang(lang) is Lang.ZH, console()
    out.print(Text(f"✓ {said[0] if chinese else said[1]}", style="bold green"))
    table = Table(box=None, show_header=False, padding=(0, 1))
    for key, name in _NAMES.items():
        value = document.get(key, "")
        shown = str(len(value)) if isinstance(value, list) else str(value)
        if shown:
            table.add_row(Text(name if chinese else key.replace("_", " "), style="dim"), shown)
    out.print(table)


def _print_failure(error: VerificationError, asked: Output | None, lang: Lang | None) -> None:
    form = chosen_output(asked, off_terminal=Output.JSON)
    if form is not Output.TABLE:
        typer.echo(dump({"verified": False, "error": str(error)}, form))
        return
    said = "验证不通过" if chosen_lang(lang) is Lang.ZH else "does not verify"
    console().print(Text(f"✗ {said}: {error}", style="bold red"))
