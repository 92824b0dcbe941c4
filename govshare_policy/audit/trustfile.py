# SPDX-License-Identifier: Apache-2.0
"""Trust policies as small TOML files.

The file comes from outside the log (a letter, a website, another department); a log says nothing
about whether it can be trusted.
"""

import tomllib
from pathlib import Path
from typing import Any, Final

from govshare_policy.audit.checkpoint import check_name
from govshare_policy.audit.trust import TrustKey, TrustPolicy
from govshare_policy.crypto import PublicKey
from govshare_policy.errors import ConfigError, VerificationError

FORMAT: Final = "govshare-trust/v1"
_PEM: Final = "-----BEGIN "
_REQUIRED: Final = {"name", "public", "from"}
_OPTIONAL: Final = {"to", "revoked_after"}
_ALWAYS: Final = {"format", "origin", "key"}
_WATCHED: Final = {"witnesses", "witness"}


def load_trust(path: Path) -> TrustPolicy:
    """Return the trust policy in the file *path*.

    Raises:
        ConfigError: If the file cannot be read, or says anything that is not understood. A
            condition that this version does not know must not be taken for absent.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        cause = str(error.strerror).lower()
        raise ConfigError(f"the trust file `{path.name}` cannot be read: {cause}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"`{path.name}` is not a trust file: it is no text") from error
    if text.lstrip().startswith(_PEM):
        raise ConfigError(
            f"`{path.name}` is not a trust file but a key or certificate; a trust file names the "
            "log beside its key, as `trust.toml` does"
        )
    try:
        return parse_trust(text)
    except ConfigError as error:
        raise ConfigError(f"`{path.name}`: {error}") from None


def parse_trust(text: str) -> TrustPolicy:
    """Return the trust policy that *text* (TOML) spells.

    Raises:
        ConfigError: As for :func:`load_trust`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the trust file is not toml: {error}") from None
    if document.keys() not in (_ALWAYS, _ALWAYS | _WATCHED) or document["format"] != FORMAT:
        raise ConfigError(
            f"a trust file has format = `{FORMAT}`, origin and [[key]] tables, perhaps "
            "[witnesses] and [[witness]] tables, and these only"
        )
    if not isinstance(document["origin"], str):
        raise ConfigError("the origin is a text")
    try:
        return TrustPolicy(
            origin=document["origin"],
            keys=_parse_keys(document["key"], "key"),
            witnesses=_parse_keys(document.get("witness", []), "witness"),
            required=_parse_required(document.get("witnesses", {"required": 0})),
        )
    except VerificationError as error:
        raise ConfigError(f"in the trust file, {error}") from None


def trust_text(origin: str, public: PublicKey) -> str:
    """Return a trust file for the log *origin* and its one key.

    OpenSSL finds the key in it: ``openssl pkey -pubin -in FILE`` and ``dgst -verify FILE`` skip
    the lines before the PEM block.
    """
    return format_trust(TrustPolicy(origin=origin, keys=(TrustKey(name=origin, public=public),)))


def format_trust(policy: TrustPolicy) -> str:
    """Return the trust file that :func:`parse_trust` reads as *policy*.

    Of several keys, OpenSSL takes the first in the file.
    """
    tables = [f'format = "{FORMAT}"\norigin = "{_quote(policy.origin)}"\n']
    if policy.witnesses:
        tables.append(f"[witnesses]\nrequired = {policy.required}\n")
    tables.extend(_format_key("key", key) for key in policy.keys)
    tables.extend(_format_key("witness", key) for key in policy.witnesses)
    return "\n".join(tables)


def _format_key(table: str, key: TrustKey) -> str:
    ends = {"to": key.to_size, "revoked_after": key.revoked_after}
    return (
        f"[[{table}]]\n"
        f'name = "{_quote(key.name)}"\n'
        f"# SM3 fingerprint: {key.public.fingerprint.hex()}\n"
        f"from = {key.from_size}\n"
        + "".join(f"{name} = {size}\n" for name, size in ends.items() if size is not None)
        + f'public = """\n{key.public.to_pem().decode().strip()}\n"""\n'
    )


def _quote(name: str) -> str:
    return check_name(name).replace("\\", "\\\\").replace('"', '\\"')


def _parse_required(table: Any) -> int:  # noqa: ANN401 - whatever the file holds
    if not isinstance(table, dict) or table.keys() != {"required"}:
        raise ConfigError("the [witnesses] table of the trust file has required only")
    required = table["required"]
    if type(required) is not int:
        raise ConfigError("the required of [witnesses] is a number of witnesses")
    return required


def _parse_keys(entries: Any, table: str) -> tuple[TrustKey, ...]:  # noqa: ANN401 - as above
    if not isinstance(entries, list):
        raise ConfigError(f"each {table} of the trust file is a [[{table}]] table")
    return tuple(_parse_key(entry, table) for entry in entries)


def _parse_key(entry: Any, table: str) -> TrustKey:  # noqa: ANN401 - as above
    if not isinstance(entry, dict) or not _REQUIRED <= entry.keys() <= _REQUIRED | _OPTIONAL:
        raise ConfigError(
            f"a [[{table}]] of the trust file has name, public, from and perhaps to and "
            "revoked_after"
        )
    name, public = entry["name"], entry["public"]
    if not isinstance(name, str) or not isinstance(public, str):
        raise ConfigError(f"the name and public of a [[{table}]] are texts")
    sizes = [entry["from"], entry.get("to"), entry.get("revoked_after")]
    if type(sizes[0]) is not int or any(type(size) not in (int, type(None)) for size in sizes):
        raise ConfigError(f"the from, to and revoked_after of a [[{table}]] are numbers of records")
    return TrustKey(
        name=name,
        public=PublicKey.from_pem(public.encode()),
        from_size=sizes[0],
        to_size=sizes[1],
        revoked_after=sizes[2],
    )
