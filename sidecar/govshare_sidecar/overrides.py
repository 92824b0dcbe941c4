# SPDX-License-Identifier: Apache-2.0
"""Settings from outside the file: a flag goes before the environment, and that before the file.

Only single values can be set so, and only those of the list here; docs/how-to/operate.md says
under which names. A secret has no name: its file has one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from govshare_policy.errors import ConfigError

PREFIX: Final = "GOVSHARE_"
_MAX_DIGITS: Final = 10
_SECRETS: Final = frozenset({"GOVSHARE_PASSPHRASE"})

_Parse: TypeAlias = Callable[[str], object]


def _text(text: str) -> str:
    return text


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > _MAX_DIGITS:
        raise ValueError("is a whole number above zero")
    return int(text)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("is a number of seconds above zero") from None


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("is true or false")
    return text == "true"


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is a date and time with an offset") from None


_LISTENER: Final = {"listen": _text, "network": _text}
_RPC: Final = {**_LISTENER, "transport": _text}
_SIZES: Final = {"max_request_bytes": _count, "max_response_bytes": _count}
_UPSTREAM: Final = {
    **dict.fromkeys(("upstream", "upstream_ca", "upstream_certificate", "upstream_key"), _text),
    "upstream_timeout_s": _seconds,
}
_SIGNATURE: Final = dict.fromkeys(("key", "passphrase_file", "audience"), _text)
_TABLES: Final[Mapping[str, Mapping[str, _Parse]]] = {
    "": {
        **dict.fromkeys(("profile", "precedence", "data", "bundle", "bundle_key"), _text),
        "bundle_not_before": _instant,
        "workers": _count,
        "watch_s": _seconds,
    },
    "shadow": {
        **dict.fromkeys(("profile", "precedence", "data", "bundle", "bundle_key"), _text),
        "bundle_not_before": _instant,
        "report": _text,
        "report_bytes": _count,
        "queue": _count,
    },
    "log": {
        **dict.fromkeys(("directory", "origin", "key", "passphrase_file", "pin", "salts"), _text),
        "pin_lag_s": _seconds,
        "pin_lag_records": _count,
    },
    "log.witness": {"required": _count, "max_lag_s": _seconds, "timeout_s": _seconds},
    "tls": {**dict.fromkeys(("certificate", "key", "client_ca"), _text), "watch_s": _seconds},
    "national_tls": {
        **_LISTENER,
        **dict.fromkeys(("certificate", "key", "client_ca"), _text),
        "watch_s": _seconds,
    },
    "front_end": {**_LISTENER, **dict.fromkeys(("mode", "certificate_header", "client_ca"), _text)},
    "grpc": {**_RPC, "reflection": _flag, "descriptor_set": _text},
    "http": {**_LISTENER, **_UPSTREAM, **_SIZES, "stream_timeout_s": _seconds},
    "http.signature": _SIGNATURE,
    "grpc_proxy.signature": _SIGNATURE,
    "grpc_proxy": {
        **_RPC,
        **_UPSTREAM,
        **_SIZES,
        "stream_timeout_s": _seconds,
        "descriptor_set": _text,
    },
    "envoy": {**_RPC, **_SIZES, "client_ca": _text, "descriptor_set": _text},
    "envoy.canary": {"listen": _text},
    "authzen": {**_LISTENER, "url": _text},
    "auth_request": {**_LISTENER, "client_ca": _text},
    "limits": {
        **dict.fromkeys(("in_flight", "per_caller", "streams", "window"), _count),
        **dict.fromkeys(("batch", "releases"), _count),
        "release_s": _seconds,
        "notice_s": _seconds,
    },
    "metrics": {"listen": _text},
    "envelope": {"audience": _text, "window_s": _seconds, "nonces": _text},
    "subjects": {"daily": _count, "store": _text},
    "messages": dict.fromkeys(("format", "level"), _text),
    "tracing": {
        **dict.fromkeys(("endpoint", "service", "callers"), _text),
        "percent": _count,
    },
}

SETTINGS: Final[Mapping[str, _Parse]] = MappingProxyType(
    {
        f"{table}.{key}" if table else key: parse
        for table, keys in _TABLES.items()
        for key, parse in keys.items()
    }
)


def variable_of(setting: str) -> str:
    """Return the name of the environment variable that sets *setting*, such as ``grpc.listen``."""
    return PREFIX + setting.replace(".", "_").upper()


_VARIABLES: Final = MappingProxyType({variable_of(setting): setting for setting in SETTINGS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One setting, from outside the file.

    Attributes:
        setting: Its table and key, such as ``grpc.listen``.
        source: For messages: the variable, or the flag.
        value: What stands in the file's place, of the type that the file would state.
    """

    setting: str
    source: str
    value: object = field(repr=False)

    @classmethod
    def parse(cls, setting: str, text: str, *, source: str) -> "Override":
        """Return the override of *setting* by *text*.

        Raises:
            ConfigError: If *text* is empty, or of another type than the setting.
        """
        if not text:
            raise ConfigError(f"{source} is empty; leave it out")
        try:
            return cls(setting=setting, source=source, value=SETTINGS[setting](text))
        except ValueError as error:
            raise ConfigError(f"{source}: `{setting}` {error}") from None


def read_overrides(
    environment: Mapping[str, str], flags: Iterable[str] = ()
) -> tuple[Override, ...]:
    """Return what *flags* set, and what *environment* sets beside them.

    Args:
        environment: All variables; those that begin with ``GOVSHARE_`` are meant for us.
        flags: Texts such as ``grpc.listen=127.0.0.1:9443``.

    Raises:
        ConfigError: If a name is not one of :data:`SETTINGS`, stands twice, or its value is wrong.
    """
    chosen: dict[str, Override] = {}
    for flag in flags:
        setting, equals, text = flag.partition("=")
        if not equals or setting not in SETTINGS:
            raise ConfigError("`--set` takes TABLE.KEY=VALUE, of a setting that is no list")
        if setting in chosen:
            raise ConfigError(f"`--set {setting}` is there twice")
        chosen[setting] = Override.parse(setting, text, source=f"`--set {setting}`")
    for name in sorted(environment):
        if name.startswith(PREFIX):
            override = _from_variable(name, environment[name])
            chosen.setdefault(override.setting, override)
    return tuple(chosen.values())


def _from_variable(name: str, text: str) -> Override:
    if name in _SECRETS:
        raise ConfigError(f"`${name}` is not read here; unset it, and use `log.passphrase_file`")
    if name not in _VARIABLES:
        raise ConfigError(f"the environment holds `${name}`, which is not a setting; unset it")
    return Override.parse(_VARIABLES[name], text, source=f"`${name}`")


def overridden(
    document: Mapping[str, object], overrides: Iterable[Override]
) -> Mapping[str, object]:
    """Return *document*, the configuration file, with *overrides* in place of what it says.

    A table is never made: no entrance is opened that the file does not speak of.

    Raises:
        ConfigError: If a setting is of a table that *document* does not hold.
    """
    changed: dict[str, Any] = dict(document)
    for override in overrides:
        *tables, key = override.setting.split(".")
        here: dict[str, Any] = changed
        for name in tables:
            inner = here.get(name)
            if not isinstance(inner, dict):
                where = ".".join(tables)
                raise ConfigError(f"{override.source} needs the table [{where}] in the file")
            here[name] = dict(inner)
            here = here[name]
        here[key] = override.value
    return changed


@contextmanager
def blaming(overrides: Iterable[Override]) -> Iterator[None]:
    """Say of a setting that is wrong inside the ``with`` that it was not the file that set it."""
    try:
        yield
    except ConfigError as error:
        for override in overrides:
            if f"`{override.setting}`" in str(error):
                raise ConfigError(f"{error}; it is set by {override.source}") from None
        raise
