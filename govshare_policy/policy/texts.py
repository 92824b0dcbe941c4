# SPDX-License-Identifier: Apache-2.0
"""The sentences an answer gives: what was found, and what would make the call lawful."""

import string
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache

from govshare_policy.errors import PolicyError
from govshare_policy.legal import Reason
from govshare_policy.policy.plain import decode_plain

# What a sentence may mention. All of it comes from the registers, none from the caller.
PLACEHOLDERS = (
    "resource",
    "provider",
    "provider_zh",
    "department",
    "department_zh",
    "system",
    "grant",
    "fields",
    "purposes",
    "channels",
    "systems",
    "methods",
    "consented",
    "valid_from",
    "valid_to",
    "quota",
)
_KEYS = ("en", "zh", "remedy_en", "remedy_zh")
# What is said instead where the caller asks for data that it provides itself.
_OWN = "own_"
_REMEMBERED = 4096


class ReasonTexts(Mapping[str, Mapping[str, str]]):
    """Reason code to its four sentences, and those about the caller's own data if it has any."""

    def __init__(self, table: Mapping[str, Mapping[str, str]]) -> None:
        self._table = table
        self._sentences = {
            (code, own): _Sentences(texts, _OWN if own and f"{_OWN}en" in texts else "")
            for code, texts in table.items()
            for own in (False, True)
        }
        self._said = lru_cache(maxsize=_REMEMBERED)(self._say)

    def __getitem__(self, code: str) -> Mapping[str, str]:
        return self._table[code]

    def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def reason(
        self, code: str, clause: str, values: Mapping[str, str], *, own: bool = False
    ) -> Reason:
        """Return the reason for *code*, with the values of this call in its sentences.

        *own* says whether the caller provides the resource itself.
        """
        sentences = self._sentences[code, own]
        return self._said(code, clause, own, *[values[name] for name in sentences.names])

    def _say(self, code: str, clause: str, own: bool, *values: str) -> Reason:  # noqa: FBT001
        text, text_zh, remedy, remedy_zh = self._sentences[code, own].said(values)
        return Reason(
            code=code,
            clause=clause,
            text=text,
            text_zh=text_zh,
            remedy=remedy,
            remedy_zh=remedy_zh,
        )


class _Sentences:
    """The four sentences of one reason, taken apart once."""

    def __init__(self, texts: Mapping[str, str], prefix: str) -> None:
        parts = [_parts(texts.get(prefix + key, "")) for key in _KEYS]
        self._forms = [(form, bool(names)) for form, names in parts]
        self.names = tuple(dict.fromkeys(name for _, names in parts for name in names))

    def said(self, values: Sequence[str]) -> list[str]:
        """Return the sentences with *values*, one for each of the names."""
        known = dict(zip(self.names, values, strict=True))
        return [form % known if mentions else form for form, mentions in self._forms]


def _parts(text: str) -> tuple[str, tuple[str, ...]]:
    """Return *text* as a form for ``%``, or as it is where it mentions nothing."""
    parts = list(string.Formatter().parse(text))
    names = tuple(name for _, name, _, _ in parts if name is not None)
    if not names:
        return "".join(said for said, *_ in parts), names
    return "".join(
        said.replace("%", "%%") + ("" if name is None else f"%({name})s")
        for said, name, _, _ in parts
    ), names


def parse_texts(data: bytes) -> ReasonTexts:
    """Return the sentences in ``reasons.toml``.

    Raises:
        PolicyError: If one is missing or mentions something unknown.
    """
    try:
        table = tomllib.loads(decode_plain("reasons.toml", data))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"reasons.toml: {error}") from None
    for code, sentences in table.items():
        known = {*_KEYS, *(_OWN + key for key in _KEYS)}
        if not isinstance(sentences, dict) or set(sentences) - known:
            raise PolicyError(f"reasons.toml: `{code}` has the keys {', '.join(_KEYS)}")
        _check_sentences(code, sentences, "")
        if any(key.startswith(_OWN) for key in sentences):
            _check_sentences(code, sentences, _OWN)
    return ReasonTexts(table)


def _check_sentences(code: str, sentences: dict[str, object], prefix: str) -> None:
    for key in _KEYS:
        text = sentences.setdefault(prefix + key, "")
        if not isinstance(text, str) or (not text and key in ("en", "zh")):
            raise PolicyError(f"reasons.toml: `{code}` has no `{prefix}{key}`")
        _check_placeholders(code, text)
    if bool(sentences[f"{prefix}remedy_en"]) is not bool(sentences[f"{prefix}remedy_zh"]):
        raise PolicyError(f"reasons.toml: `{code}` has a remedy in one language only")


def _check_placeholders(code: str, text: str) -> None:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        raise PolicyError(f"reasons.toml: `{code}` has a brace without its pair") from None
    for _, name, form, conversion in parts:
        if name is not None and (name not in PLACEHOLDERS or form or conversion):
            raise PolicyError(f"reasons.toml: `{code}` mentions `{name}`, which has no value")
