# SPDX-License-Identifier: Apache-2.0
from collections.abc import Mapping
from pathlib import Path

import pytest

from govshare_policy.errors import PolicyError
from govshare_policy.identity import Flaw
from govshare_policy.policy.bundle import OWN_REASONS
from govshare_policy.policy.texts import PLACEHOLDERS, parse_texts
from tests.county import county_register
from tests.unit.mutated import PACKS, mutated_bundle, swap

GOOD = '[a]\nen = "about {resource}"\nzh = "关于{resource}"\n'
BROKEN: Mapping[str, tuple[bytes, str]] = {
    "no TOML": (b"[a", "reasons.toml: "),
    "no UTF-8": (b"\xff", "reasons.toml: "),
    "no table": (b"a = 1", "reasons.toml: `a` has the keys en, zh, remedy_en, remedy_zh"),
    "another key": (
        f'{GOOD}fr = "x"'.encode(),
        "reasons.toml: `a` has the keys en, zh, remedy_en, remedy_zh",
    ),
    "one language": (b'[a]\nen = "x"', "reasons.toml: `a` has no `zh`"),
    "an empty text": ('[a]\nen = ""\nzh = "文"'.encode(), "reasons.toml: `a` has no `en`"),
    "a number": ('[a]\nen = 1\nzh = "文"'.encode(), "reasons.toml: `a` has no `en`"),
    "a remedy in one language": (
        f'{GOOD}remedy_en = "apply"'.encode(),
        "reasons.toml: `a` has a remedy in one language only",
    ),
    "something a sentence may not mention": (
        f'{GOOD}remedy_en = "ask {{operator}}"'.encode(),
        "reasons.toml: `a` mentions `operator`",
    ),
    "an attribute": (
        f'{GOOD}remedy_en = "{{resource.__class__}}"'.encode(),
        "reasons.toml: `a` mentions `resource.__class__`",
    ),
    "no name": (f'{GOOD}remedy_en = "{{}}"'.encode(), "reasons.toml: `a` mentions ``"),
    "a form with a name in it": (
        f'{GOOD}remedy_en = "{{resource:{{operator}}}}"'.encode(),
        "reasons.toml: `a` mentions `resource`, which has no value",
    ),
    "a conversion": (
        f'{GOOD}remedy_en = "{{resource!r}}"'.encode(),
        "reasons.toml: `a` mentions `resource`, which has no value",
    ),
    "what is said of one's own data in one language": (
        f'{GOOD}own_en = "x"'.encode(),
        "reasons.toml: `a` has no `own_zh`",
    ),
    "a remedy for one's own data in one language": (
        f'{GOOD}own_en = "x"\nown_zh = "文"\nown_remedy_zh = "文"'.encode(),
        "reasons.toml: `a` has a remedy in one language only",
    ),
    "something a sentence about one's own data may not mention": (
        f'{GOOD}own_en = "{{operator}}"\nown_zh = "文"'.encode(),
        "reasons.toml: `a` mentions `operator`",
    ),
    "an open brace": (
        f'{GOOD}remedy_en = "a {{ b"'.encode(),
        "reasons.toml: `a` has a brace without its pair",
    ),
    "a closed brace": (
        f'{GOOD}remedy_en = "a }} b"'.encode(),
        "reasons.toml: `a` has a brace without its pair",
    ),
}


@pytest.mark.parametrize(("data", "said"), BROKEN.values(), ids=list(BROKEN))
def test_a_sentence_that_could_fail_during_a_call_is_refused_at_load(
    data: bytes, said: str
) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_texts(data)

    assert str(caught.value).startswith(said)


def test_a_reason_speaks_both_languages_with_the_values_of_the_call() -> None:
    texts = parse_texts(GOOD.encode())

    reason = texts.reason("a", "X-1", dict.fromkeys(PLACEHOLDERS, "R{0}"))

    assert (reason.code, reason.clause) == ("a", "X-1")
    assert (reason.text, reason.text_zh) == ("about R{0}", "关于R{0}")
    assert (reason.remedy, reason.remedy_zh) == ("", "")
    assert (list(texts), len(texts)) == (["a"], 1)


@pytest.mark.parametrize("code", OWN_REASONS)
def test_a_reason_that_the_library_gives_by_itself_has_to_be_there(
    code: str, tmp_path: Path
) -> None:
    """Found at load: during a call there would be nothing left to say."""
    county = county_register(tmp_path / "county")
    renamed = swap(f"[{code}]", f"[{code}_x]")

    with pytest.raises(PolicyError) as caught:
        mutated_bundle(county, tmp_path, {"common/reasons.toml": renamed})

    assert str(caught.value).startswith((f"reasons.toml: `{code}` is missing", "hubei/policy.csv"))


def test_every_flaw_of_evidence_has_sentences() -> None:
    texts = parse_texts((PACKS / "common" / "reasons.toml").read_bytes())

    assert set(Flaw) <= set(texts)
    assert set(OWN_REASONS) <= set(texts)


def test_every_sentence_can_be_said() -> None:
    texts = parse_texts((PACKS / "common" / "reasons.toml").read_bytes())
    values = dict.fromkeys(PLACEHOLDERS, "X")

    for code, own in ((code, own) for code in texts for own in (False, True)):
        reason = texts.reason(code, "C", values, own=own)
        assert "{" not in f"{reason.text}{reason.text_zh}{reason.remedy}{reason.remedy_zh}"
