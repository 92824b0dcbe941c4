# SPDX-License-Identifier: Apache-2.0
"""``govshare init``: write a deployment that runs as it is, whole or not at all."""

import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from importlib import resources
from pathlib import Path
from string import Template
from typing import Annotated, Final

import typer

from govshare_policy.audit import trust_text
from govshare_policy.cli.development_tls import VALID_DAYS, Authority
from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    dump,
)
from govshare_policy.crypto import PublicKey, generate_key
from govshare_policy.errors import ConfigError
from govshare_policy.identity import SHANGHAI
from govshare_policy.policy import Precedence, load_bundle
from govshare_policy.register import Register, load_register

_COPIED: Final = ("departments.tsv", "systems.tsv", "resources.tsv", "roles.tsv")
_CERTIFICATE_COLUMNS: Final = "system_id\tspki\tvalid_from\tvalid_to\trevoked_on\n"
_SECRET: Final = 0o600
_PRIVATE: Final = 0o700

DirectoryArgument = Annotated[
    Path, typer.Argument(help="The directory to make: new, or an empty one.", show_default=False)
]
ProfileOption = Annotated[str, typer.Option("--profile", help="Whose text decides, e.g. hubei.")]
PrecedenceOption = Annotated[
    Precedence, typer.Option("--precedence", help="Which texts are asked when two speak.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A deployment as it stands on disk.

    Attributes:
        origin: The name of its audit log.
        public: The key that signs the log.
        systems: The systems that have a client certificate in ``tls/clients/``.
    """

    directory: Path
    profile: str
    precedence: Precedence
    origin: str
    public: PublicKey
    systems: tuple[str, ...]

    def to_document(self) -> dict[str, object]:
        """Return it as a document, ready for JSON."""
        return {
            "directory": str(self.directory),
            "profile": self.profile,
            "precedence": self.precedence.value,
            "log": {"origin": self.origin, "key": f"sm3:{self.public.fingerprint.hex()}"},
            "systems": list(self.systems),
            "development_only": True,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a deployment listens, and the department's API behind it."""

    grpc: str = "127.0.0.1:9443"
    http: str = "127.0.0.1:8443"
    metrics: str = "127.0.0.1:9102"
    upstream: str = "http://127.0.0.1:9001"


def init(directory: Path, *, profile: str, precedence: Precedence, today: date) -> Deployment:
    """Write a deployment for development into *directory* and return it.

    It is built beside *directory* and moved there in one step, so that nothing is overwritten and
    nothing half-made is left.

    Args:
        directory: New, or existing and empty.
        profile: A profile id, such as ``hubei``.
        precedence: Which texts the deployment asks.
        today: The day around which the grants of the sample county are in force.

    Raises:
        ConfigError: If *directory* is not empty or cannot be written.
        PolicyError: If there is no such profile.
    """
    target = directory.absolute()
    _refuse_taken(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise _unwritable(target, error) from None
    try:
        deployment = _build(draft, target, profile=profile, precedence=precedence, today=today)
        draft.rename(target)  # refuses a directory that is not empty, at the last moment too
    except OSError as error:
        raise _unwritable(target, error) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return deployment


def init_command(
    directory: DirectoryArgument,
    profile: ProfileOption = "hubei",
    precedence: PrecedenceOption = Precedence.STRICTEST,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Write a runnable deployment for development: config, sample data, keys, README.

    Example: govshare init qinglan --profile hubei
    """
    today = datetime.now(SHANGHAI).date()
    deployment = init(directory, profile=profile, precedence=precedence, today=today)
    form = chosen_output(output, off_terminal=Output.JSON)
    said = _summary(deployment, directory, chosen_lang(lang))
    typer.echo(said if form is Output.TABLE else dump(deployment.to_document(), form))


def config_text(
    *, profile: str, precedence: Precedence, origin: str, addresses: Addresses | None = None
) -> str:
    """Return the text of ``govshare.toml``."""
    where = addresses or Addresses()
    return Template(_sample("govshare.toml.in")).substitute(
        profile=profile,
        precedence=precedence.value,
        origin=origin,
        grpc=where.grpc,
        http=where.http,
        metrics=where.metrics,
        upstream=where.upstream,
    )


def grants_text(today: date) -> str:
    """Return ``grants.tsv`` re-dated: in force around *today*, save one ended and one to come.

    The ended grant was for a school year, from 1 September to 31 August; the coming one starts
    on the first of the month after next.
    """
    ended = date(today.year, 8, 31)
    if ended >= today:
        ended = date(today.year - 1, 8, 31)
    soon = date(today.year + (today.month + 1) // 12, (today.month + 1) % 12 + 1, 1)
    return Template(_sample("grants.tsv")).substitute(
        open_from=date(today.year, 1, 1),
        open_to=date(today.year + 1, 12, 31),
        ended_from=date(ended.year - 1, 9, 1),
        ended_to=ended,
        soon_from=soon,
        soon_to=date(soon.year + 1, 12, 31),
    )


def _build(
    draft: Path, target: Path, *, profile: str, precedence: Precedence, today: date
) -> Deployment:
    """Write the deployment into *draft*; messages and the README name *target*."""
    register = _write_data(draft / "data", today)
    load_bundle(profile, register, precedence=precedence)
    _write_tls(draft, register, today)
    # What was written has to load together before anybody relies on it.
    register = load_register(draft / "data")
    load_bundle(profile, register, precedence=precedence)
    public = _write_keys(draft / "keys")
    # A name per key: two deployments never write logs that could be taken for each other.
    origin = f"govshare.example/{profile}/{public.fingerprint.hex()[:8]}"
    (draft / "audit").mkdir(mode=_PRIVATE)
    toml = config_text(profile=profile, precedence=precedence, origin=origin)
    _write(draft / "govshare.toml", toml)
    _write(draft / "trust.toml", trust_text(origin, public))
    _write(draft / "department.py", _sample("department.py"))
    _write(draft / "README.md", _readme(profile, precedence, origin))
    return Deployment(
        directory=target,
        profile=profile,
        precedence=precedence,
        origin=origin,
        public=public,
        systems=tuple(register.systems),
    )


def _write_data(directory: Path, today: date) -> Register:
    directory.mkdir()
    for name in _COPIED:
        _write(directory / name, _sample(name))
    _write(directory / "grants.tsv", grants_text(today))
    return load_register(directory)


def _write_tls(draft: Path, register: Register, today: date) -> None:
    directory, clients = draft / "tls", draft / "tls" / "clients"
    directory.mkdir(mode=_PRIVATE)
    clients.mkdir(mode=_PRIVATE)
    # From yesterday, so that a clock that is a little behind does not refuse it.
    first, last = today - timedelta(days=1), today + timedelta(days=VALID_DAYS - 1)
    start = datetime.combine(first, time(), SHANGHAI)
    authority = Authority.new(start=start)
    _write(directory / "ca.pem", authority.certificate)
    _write(directory / "ca.key", authority.key_pem(), mode=_SECRET)
    server = authority.issue_server(start=start)
    _write(directory / "sidecar.pem", server.certificate)
    _write(directory / "sidecar.key", server.key, mode=_SECRET)
    rows = [_CERTIFICATE_COLUMNS]
    for system in register.systems:
        client = authority.issue_client(system, start=start)
        _write(clients / f"{system}.pem", client.certificate)
        _write(clients / f"{system}.key", client.key, mode=_SECRET)
        rows.append(f"{system}\t{client.spki.hex()}\t{first}\t{last}\t\n")
    _write(draft / "data" / "certificates.tsv", "".join(rows))
    notice = "DEVELOPMENT ONLY: keys are kept beside certificates. 仅供开发：密钥与证书同放一处。\n"
    _write(directory / "DEVELOPMENT-ONLY.txt", notice)


def _write_keys(directory: Path) -> PublicKey:
    directory.mkdir(mode=_PRIVATE)
    passphrase = secrets.token_urlsafe(32)
    public = generate_key(directory / "audit.pem", passphrase.encode())
    _write(directory / "audit.passphrase", passphrase, mode=_SECRET)
    _write(directory / "audit.pub.pem", public.to_pem())
    return public


def _write(path: Path, contents: str | bytes, *, mode: int = 0o644) -> None:
    """Create *path*; it is never there before."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(contents.encode() if isinstance(contents, str) else contents)


def _sample(name: str) -> str:
    return (resources.files("govshare_policy.cli.sample") / name).read_text(encoding="utf-8")


def _readme(profile: str, precedence: Precedence, origin: str) -> str:
    # Only Hubei makes the information system part of what a grant covers (HU-a24-02).
    bound = profile == "hubei" and precedence is not Precedence.NATIONAL
    return Template(_sample("README.md.in")).substitute(
        profile=profile,
        precedence=precedence.value,
        origin=origin,
        other_system="403" if bound else "200",
        curl_allowed=_curl("SYS-HCB-PRH"),
        curl_other_system=_curl("SYS-HCB-WEB"),
    )


def _curl(system: str) -> str:
    return (
        f"curl --cacert tls/ca.pem --cert tls/clients/{system}.pem"
        f" --key tls/clients/{system}.key \\\n"
        "  -H 'Govshare-Purpose: data_verification' -H 'Govshare-Grant: G01' \\\n"
        "  https://localhost:8443/marriages/999999199001010016"
    )


def _refuse_taken(target: Path) -> None:
    if target == Path.cwd():
        raise ConfigError("`init` makes a directory; name a new one instead of the current one")
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise ConfigError(f"`{target}` is already there and not empty; name a new directory")


def _unwritable(target: Path, error: OSError) -> ConfigError:
    cause = str(error.strerror).lower()
    return ConfigError(f"the deployment `{target}` cannot be written: {cause}")


def _summary(deployment: Deployment, directory: Path, lang: Lang) -> str:
    if lang is Lang.ZH:
        return (
            f"已建立部署：{directory}（仅供开发；{deployment.profile}，"
            f"{deployment.precedence.value}；{len(deployment.systems)} 个系统的证书）\n"
            f"下一步：cd {directory} && govshare serve --config govshare.toml，说明见 README.md"
        )
    return (
        f"made {directory} (DEVELOPMENT ONLY; {deployment.profile}, "
        f"{deployment.precedence.value}; certificates for {len(deployment.systems)} systems)\n"
        f"next: cd {directory} && govshare serve --config govshare.toml; README.md says the rest"
    )
