# SPDX-License-Identifier: Apache-2.0
"""A bundle: the texts that decide and the registers they decide about, verified and frozen."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from govshare_policy.crypto import sm3
from govshare_policy.errors import PolicyError
from govshare_policy.identity import Flaw
from govshare_policy.policy._casbin import CasbinModel, parse_model
from govshare_policy.policy.pack import Pack, parse_pack
from govshare_policy.policy.plain import decode_plain
from govshare_policy.policy.scope import ScopeLines
from govshare_policy.policy.texts import ReasonTexts, parse_texts
from govshare_policy.register import Register
from govshare_policy.register.digest import digest_of

NATIONAL: Final = "national-809"
PACK_FILES: Final = ("law.toml", "policy.csv", "clauses.tsv")
COMMON_FILES: Final = ("rules.conf", "scope.conf", "findings.json", "reasons.toml")
# Reasons that the library gives by itself, whatever the rules of a pack name.
OWN_REASONS: Final = (
    *Flaw,
    "chain_outside",
    "chain_unknown",
    "consent_purpose_unstated",
    "fact_error",
    "fields_missing",
    "internal_error",
    "no_rule",
    "not_in_force",
    "subject_unstated",
    "subjects_spent",
)


class Precedence(StrEnum):
    """Whose text decides when a local and the national one both speak."""

    LOCAL = "local"
    NATIONAL = "national"
    STRICTEST = "strictest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One text of law, ready to be asked about a call."""

    pack: Pack
    scope: ScopeLines


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What decides: chosen texts over one register. Replaced whole, never changed.

    Attributes:
        texts: The texts asked, the local one first; never empty.
        columns: The columns of ``rules.conf``, in order.
        revision: SM3 over the common files, the packs and the register; 32 bytes.
        verdicts: What the texts said of what was found before; the decision's to fill.
    """

    profile: str
    precedence: Precedence
    texts: tuple[Text, ...]
    columns: tuple[str, ...]
    findings: Mapping[str, frozenset[str]]
    reasons: ReasonTexts
    register: Register
    revision: bytes
    verdicts: dict[object, Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    def in_force(self, day: date) -> tuple[Text, ...]:
        """Return the texts in force on *day*.

        A single text was chosen by name and answers for any day.
        """
        if len(self.texts) == 1 and self.precedence is Precedence.LOCAL:
            return self.texts
        return tuple(text for text in self.texts if text.pack.in_force(day))


def packs_directory() -> Path:
    """Return the directory of the packs: shipped inside the package, or beside it in a checkout.

    Raises:
        PolicyError: If neither is there.
    """
    package = Path(__file__).resolve().parent.parent
    for directory in (package / "packs", package.parent / "policies"):
        if (directory / "common").is_dir():
            return directory
    raise PolicyError("the policy packs are not installed")


def profiles(packs: Path | None = None) -> tuple[str, ...]:
    """Return the profiles that packs exist for, in alphabetical order."""
    directory = packs or packs_directory()
    return tuple(sorted(path.parent.name for path in directory.glob("*/law.toml")))


def load_bundle(
    profile: str,
    register: Register,
    *,
    precedence: Precedence = Precedence.LOCAL,
    packs: Path | None = None,
) -> Bundle:
    """Load the texts that *precedence* asks and bind them to *register*.

    Args:
        profile: A profile id, such as ``hubei``.
        register: The registers decided about.
        precedence: ``local`` asks the named text only, ``national`` the national text only,
            ``strictest`` both.
        packs: The directory of the packs; by default the one that came with the library.

    Raises:
        PolicyError: If the profile is unknown or a file of a pack is wrong. A bundle in service
            stays as it is.
    """
    directory = packs or packs_directory()
    _refuse_unknown(profile, directory)
    common = _common(directory)
    chosen = _chosen(profile, precedence)
    read = {name: _read(directory / name, PACK_FILES) for name in chosen}
    packs_read = [_pack(name, read[name], common) for name in chosen]
    digests = [digest_of(common.files), *(digest_of(read[name]) for name in chosen)]
    digests.append(register.digest)
    return Bundle(
        profile=profile,
        precedence=precedence,
        texts=tuple(
            Text(pack=pack, scope=ScopeLines(common.scope_model, pack)) for pack in packs_read
        ),
        columns=common.rules_model.request,
        findings=common.findings,
        reasons=common.reasons,
        register=register,
        revision=sm3(f"{profile}\0{precedence}\0".encode() + b"".join(digests)),
    )


def load_pack(profile: str, *, packs: Path | None = None) -> Pack:
    """Load one text without any register, to be read rather than to decide.

    Raises:
        PolicyError: If the profile is unknown or a file of the pack is wrong.
    """
    directory = packs or packs_directory()
    _refuse_unknown(profile, directory)
    return _pack(profile, _read(directory / profile, PACK_FILES), _common(directory))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Common:
    """What all packs share, with the files it was read from."""

    files: Mapping[str, bytes]
    rules_model: CasbinModel
    scope_model: CasbinModel
    reasons: ReasonTexts
    findings: Mapping[str, frozenset[str]]


def _common(directory: Path) -> _Common:
    files = _read(directory / "common", COMMON_FILES)
    rules_model = parse_model(_decode(files, "rules.conf"), name="rules.conf")
    return _Common(
        files=files,
        rules_model=rules_model,
        scope_model=parse_model(_decode(files, "scope.conf"), name="scope.conf"),
        reasons=_reasons(files["reasons.toml"]),
        findings=_findings(_decode(files, "findings.json"), rules_model),
    )


def _refuse_unknown(profile: str, directory: Path) -> None:
    known = profiles(directory)
    if profile not in known:
        raise PolicyError(f"unknown profile; there are {', '.join(known)}")


def _chosen(profile: str, precedence: Precedence) -> tuple[str, ...]:
    match precedence:
        case Precedence.LOCAL:
            return (profile,)
        case Precedence.NATIONAL:
            return (NATIONAL,)
        case Precedence.STRICTEST:
            return (profile,) if profile == NATIONAL else (profile, NATIONAL)


def _read(directory: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    try:
        return {name: (directory / name).read_bytes() for name in names}
    except OSError as error:
        raise PolicyError(
            f"{directory.name}: a file of the pack cannot be read ({error.strerror})"
        ) from None


def _pack(name: str, files: Mapping[str, bytes], common: _Common) -> Pack:
    try:
        pack = parse_pack(
            files, model=common.rules_model, findings=common.findings, texts=common.reasons
        )
    except PolicyError as error:
        raise PolicyError(f"{name}/{error}") from None
    if pack.profile != name:
        raise PolicyError(f"{name}/law.toml: `profile` is not the name of the directory")
    return pack


def _decode(files: Mapping[str, bytes], name: str) -> str:
    return decode_plain(f"common/{name}", files[name])


def _reasons(data: bytes) -> ReasonTexts:
    reasons = parse_texts(data)
    for code in OWN_REASONS:
        if code not in reasons:
            raise PolicyError(f"reasons.toml: `{code}` is missing")
    return reasons


def _findings(text: str, model: CasbinModel) -> dict[str, frozenset[str]]:
    try:
        properties = json.loads(text)["properties"]
        findings = {key: frozenset(value["enum"]) for key, value in properties.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PolicyError("common/findings.json: not a schema of closed lists") from None
    if set(findings) != set(model.request) or not set(findings) < set(model.policy):
        raise PolicyError("common/findings.json: not the columns of rules.conf")
    return findings
