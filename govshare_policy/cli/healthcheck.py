# SPDX-License-Identifier: Apache-2.0
"""``govshare healthcheck``: ask a sidecar that runs whether it answers calls."""

import http.client
import ipaddress
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from govshare_policy.cli.output import (
    Lang,
    LangOption,
    Output,
    OutputOption,
    chosen_lang,
    chosen_output,
    dump,
)
from govshare_policy.cli.serve import SetOption
from govshare_policy.errors import ConfigError

_PATH: Final = "/healthz"
_MAX_WAIT_S: Final = 60.0


class Health(StrEnum):
    """What a sidecar said about itself, if it said anything."""

    SERVING = "serving"
    NOT_SERVING = "not_serving"
    UNREACHABLE = "unreachable"


_EXIT_CODES: Final = {Health.SERVING: 0, Health.NOT_SERVING: 1, Health.UNREACHABLE: 3}
_WORDS_ZH: Final = {
    Health.SERVING: "正在服务",
    Health.NOT_SERVING: "未在服务",
    Health.UNREACHABLE: "无法连接",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """PEM files for a connection over TLS.

    Attributes:
        ca: Authorities of the sidecar's certificate.
        certificate: What is shown to it; none for ``https``, which asks for none.
        key: The private key of *certificate*.
    """

    ca: Path | None
    certificate: Path | None
    key: Path | None


def healthcheck_command(  # noqa: PLR0913  options of a command
    *,
    config: Annotated[
        Path | None, typer.Option("--config", help="The sidecar's file: its [metrics] is asked.")
    ] = None,
    grpc: Annotated[
        str, typer.Option("--grpc", metavar="HOST:PORT", help="A gRPC listener to ask.")
    ] = "",
    url: Annotated[str, typer.Option("--url", help="The address of [metrics] to ask.")] = "",
    ca: Annotated[Path | None, typer.Option("--ca", help="Its authorities (PEM).")] = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", help="With --grpc: what to show (PEM).")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Its private key (PEM).")] = None,
    settings: SetOption = None,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0.1, max=_MAX_WAIT_S, help="Seconds to wait.")
    ] = 3.0,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Ask a sidecar that runs whether it answers calls.

    Exits 0 when it does, 1 when it says that it does not, 3 when it cannot be asked.

    Example: govshare healthcheck --config govshare.toml
    """
    if sum((config is not None, bool(grpc), bool(url))) != 1:
        raise ConfigError("name one of --config, --grpc and --url")
    files = Files(ca=ca, certificate=certificate, key=key)
    if config is not None:
        url = _url_of(config, settings or ())
    health = _ask_grpc(grpc, files, timeout_s) if grpc else _ask_url(url, files, timeout_s)
    form = chosen_output(output, off_terminal=Output.JSON)
    if form is Output.TABLE:
        chinese = chosen_lang(lang) is Lang.ZH
        typer.echo(_WORDS_ZH[health] if chinese else health.value.replace("_", " "))
    else:
        typer.echo(dump({"health": health.value, "asked": grpc or url}, form))
    raise typer.Exit(_EXIT_CODES[health])


def _url_of(path: Path, settings: Sequence[str]) -> str:
    """Return where the sidecar of the configuration file *path* says how it is.

    Only its table ``[metrics]`` is looked at: no key and no passphrase is read.

    Raises:
        ConfigError: If the file cannot be read, or does not say where.
    """
    try:
        from govshare_sidecar._settings import load_table, read_address  # noqa: PLC0415  an extra
        from govshare_sidecar.overrides import read_overrides  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs `{error.name}`; install govshare-policy[sidecar]") from None
    root = load_table(path, read_overrides(os.environ, settings))
    if not root.has("metrics"):
        raise ConfigError(f"{path.name}: there is no table [metrics] to ask; ask with --grpc")
    listen = read_address(root.table("metrics"), default="127.0.0.1:9102")
    if not listen.port:
        raise ConfigError(f"{path.name}: `metrics.listen` takes any free port; ask with --url")
    return f"http://{_reachable(listen.host)}:{listen.port}{_PATH}"


def _reachable(host: str) -> str:
    """Return where a listener on *host* is reached from its own machine, as a URL writes it."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"  # noqa: PLR2004
    return f"[{address}]" if address.version == 6 else host  # noqa: PLR2004


def _ask_url(url: str, files: Files, timeout_s: float) -> Health:
    """Return what the listener at *url* says, over no proxy and following no redirect.

    Raises:
        ConfigError: If *url* is none, or a file cannot be used.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigError("--url is not a URL") from None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.password:
        raise ConfigError("--url is http:// or https://, a host, and perhaps a port and a path")
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            host, port, timeout=timeout_s, context=_context(files.ca)
        )
    try:
        connection.request("GET", parts.path or _PATH)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return Health.UNREACHABLE
    finally:
        connection.close()
    answers: dict[int, Health] = {
        HTTPStatus.OK: Health.SERVING,
        HTTPStatus.SERVICE_UNAVAILABLE: Health.NOT_SERVING,
    }
    # Whatever else answers there is not the listener that was meant.
    return answers.get(status, Health.UNREACHABLE)


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError("--ca cannot be loaded") from error


def _ask_grpc(address: str, files: Files, timeout_s: float) -> Health:
    """Return what ``grpc.health.v1.Health`` at *address* says of the whole sidecar.

    Raises:
        ConfigError: If a file is missing or cannot be read.
    """
    if not (files.ca and files.certificate and files.key):
        raise ConfigError("--grpc needs --ca, --certificate and --key: it has mutual TLS")
    ca, certificate, key = (path.read_bytes() for path in (files.ca, files.certificate, files.key))
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        import grpc  # noqa: PLC0415  slow, and an extra
        from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs `{error.name}`; install govshare-policy[sidecar]") from None
    credentials = grpc.ssl_channel_credentials(ca, key, certificate)
    options = (("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0))
    with grpc.secure_channel(address, credentials, options=options) as channel:
        try:
            said = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=timeout_s
            )
        except grpc.RpcError:
            return Health.UNREACHABLE
    serving = said.status == health_pb2.HealthCheckResponse.SERVING
    return Health.SERVING if serving else Health.NOT_SERVING
