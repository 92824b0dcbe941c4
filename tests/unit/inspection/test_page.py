# SPDX-License-Identifier: Apache-2.0
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from govshare_policy.audit import Damage, LogDamageError, Part, Verdict, encode_record, verify_log
from govshare_policy.audit.cosign import Witnessed
from govshare_policy.crypto import Signer
from govshare_policy.errors import SignatureError, VerificationError
from govshare_policy.inspection.counts import Counts, count
from govshare_policy.inspection.page import Inspected, page
from govshare_policy.inspection.rules import RULES
from govshare_policy.legal import Clause, Outcome
from govshare_policy.policy.registry import load_registry
from tests.unit.inspection.world import HOSTILE, ORIGIN, START, World, decision, write
from tests.unit.report.test_page import outline

MADE_AT: Final = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def clauses() -> Mapping[str, Clause]:
    return load_registry().clauses


@pytest.fixture(scope="module")
def inspected(mixed: World) -> Inspected:
    verdict = verify_log(mixed.directory, mixed.trust)
    return Inspected(
        name="log",
        origin=ORIGIN,
        trusted=(mixed.signer.public.fingerprint,),
        result=verdict,
        counts=count(mixed.directory, verdict),
        made_at=MADE_AT,
    )


def counts_of(inspected: Inspected) -> Counts:
    assert inspected.counts is not None
    return inspected.counts


def verdict_of(inspected: Inspected) -> Verdict:
    assert isinstance(inspected.result, Verdict)
    return inspected.result


def test_a_page_needs_nothing_but_itself(
    inspected: Inspected, clauses: Mapping[str, Clause]
) -> None:
    """No script, no picture, no font, no address from elsewhere; and the tags nest."""
    html = page(inspected, clauses, chinese=True)
    found = outline(html)

    assert not found.tags & {"script", "img", "link", "iframe", "object", "a", "image", "use"}
    assert not found.attributes & {"src", "href", "srcset", "action"}
    assert not any(name.startswith("on") for name in found.attributes)
    assert not re.search(r"url\(|@import|https?:|//[a-z]", html)
    assert "default-src 'none'; style-src 'unsafe-inline'" in html


def test_a_page_says_which_log_verified_as_what_under_whose_key(
    inspected: Inspected, clauses: Mapping[str, Clause]
) -> None:
    verdict = verdict_of(inspected)
    seen = outline(page(inspected, clauses, chinese=False)).seen

    assert "✓ The log verifies" in seen
    assert {verdict.root.hex(), verdict.key_fingerprints[0].hex(), ORIGIN} <= set(seen)
    assert f"{verdict.size:,}" in seen
    assert "Made at 2026-01-05 09:02:03 +08:00" in seen
    assert "the trust file asks for none" in seen


def test_a_page_says_what_was_not_checked(
    inspected: Inspected, clauses: Mapping[str, Clause]
) -> None:
    seen = "\n".join(outline(page(inspected, clauses, chinese=False)).seen)

    assert "What was not checked" in seen
    for words in ("cut at its end", "are true", "did not pass the gateway", "salts"):
        assert words in seen


def test_a_page_shows_the_figures(inspected: Inspected, clauses: Mapping[str, Clause]) -> None:
    counts = counts_of(inspected)
    seen = outline(page(inspected, clauses, chinese=True)).seen

    for name, found in (*counts.departments.items(), *counts.resources.items()):
        assert name in seen or not name
        assert f"{found.calls:,}" in seen
    for clause, number in counts.denials.items():
        assert clause in seen
        assert f"{number:,}" in seen
    known = clauses["HU-a24-02"]
    assert {known.text_zh, known.text_en} <= set(seen)
    assert "not in the registry" in seen
    assert any(str(number) in text for number in counts.odd[:1] for text in seen)


def test_both_languages_are_on_the_page_and_one_shows_first(
    inspected: Inspected, clauses: Mapping[str, Clause]
) -> None:
    for chinese, first in ((True, "zh"), (False, "en")):
        html = page(inspected, clauses, chinese=chinese)
        assert html.count('<span lang="zh">') == html.count('<span lang="en">') > 50
        assert f'<html lang="{first}">' in html
        assert re.search(rf'id="{first}" checked', html)


def test_hostile_texts_are_shown_and_do_nothing(
    signer: Signer, tmp_path: Path, clauses: Mapping[str, Clause]
) -> None:
    """Whatever a record of somebody else, the name of a directory or a message may hold."""
    record = decision(
        START,
        department=HOSTILE,
        system=HOSTILE,
        call={"resource": HOSTILE},
        effect="deny",
        outcome="deny",
        clauses=[HOSTILE],
    )
    other = {**record, "phase": HOSTILE}
    world = write(tmp_path / "log", signer, map(encode_record, (record, other)))
    verdict = verify_log(world.directory, world.trust)
    noted = replace(verdict, warnings=(HOSTILE,))
    shown = Inspected(
        name=HOSTILE,
        origin=ORIGIN,
        trusted=(),
        result=noted,
        counts=count(world.directory, verdict),
        made_at=MADE_AT,
    )
    failed = replace(shown, result=VerificationError(HOSTILE), counts=None)

    for one in (shown, failed):
        html = page(one, clauses, chinese=True)
        assert "<script" not in html
        assert HOSTILE in outline(html).seen
    assert outline(page(shown, clauses, chinese=True)).seen.count(HOSTILE) >= 5


def test_a_log_that_does_not_verify_is_said_so_and_not_counted(
    inspected: Inspected, clauses: Mapping[str, Clause]
) -> None:
    part = Part(file="seg/0.seg", offset=1234, what="the crc of the frame is wrong")
    failed = replace(inspected, result=LogDamageError(Damage.FRAME, part, 63), counts=None)
    html = page(failed, clauses, chinese=True)
    seen = outline(html).seen

    assert 'class="verdict no"' in html
    assert "✗ 验证不通过" in seen
    assert {"seg/0.seg", "byte 1,234", "63", RULES[Damage.FRAME].zh, "frame"} <= set(seen)
    assert inspected.trusted[0].hex() in seen
    assert "Calls by department" not in seen

    unsigned = replace(failed, result=SignatureError("no trusted key signed it"))
    assert "no trusted key signed it" in outline(page(unsigned, clauses, chinese=True)).seen


def test_every_rule_has_its_words() -> None:
    assert RULES.keys() == set(Damage)


def test_witnesses_are_named(inspected: Inspected, clauses: Mapping[str, Clause]) -> None:
    witnessed = Witnessed(size=390, names=("witness.example/a",), at=MADE_AT)
    seen_by = replace(inspected, result=replace(verdict_of(inspected), witnessed=witnessed))
    seen = outline(page(seen_by, clauses, chinese=True)).seen

    assert "witness.example/a" in seen
    assert "390 · 2026-01-05 09:02:03 +08:00" in seen


def with_days(inspected: Inspected, *numbers: int) -> Inspected:
    days = {date(2025, 1, 1) + timedelta(days=n): Counter({Outcome.ALLOW: 2}) for n in numbers}
    return replace(inspected, counts=replace(counts_of(inspected), days=days))


def labels(inspected: Inspected, clauses: Mapping[str, Clause]) -> list[str]:
    html = page(inspected, clauses, chinese=True)
    return [title.split(":")[0] for title in re.findall("<title>(2[^<]+)", html)]


def test_days_without_calls_keep_their_place(
    inspected: Inspected, clauses: Mapping[str, Clause]
) -> None:
    found = labels(with_days(inspected, 0, 3), clauses)

    assert found == ["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-04"]


def test_a_long_time_is_drawn_by_months_and_never_without_end(
    inspected: Inspected, clauses: Mapping[str, Clause]
) -> None:
    assert labels(with_days(inspected, 0, 40, 200), clauses) == ["2025-01", "2025-02", "2025-07"]
    far = with_days(inspected, 0, 365 * 7000)
    assert len(labels(far, clauses)) <= 2
    assert len(page(far, clauses, chinese=True)) < 200_000


def test_a_log_without_calls_says_so(
    signer: Signer, tmp_path: Path, clauses: Mapping[str, Clause]
) -> None:
    world = write(tmp_path / "log", signer, [])
    verdict = verify_log(world.directory, world.trust)
    empty = Inspected(
        name="log",
        origin=ORIGIN,
        trusted=(),
        result=verdict,
        counts=count(world.directory, verdict),
        made_at=MADE_AT,
    )

    assert "There are no calls in the log." in outline(page(empty, clauses, chinese=False)).seen


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, two: str) -> float:
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def test_text_can_be_read_and_neighbouring_colours_told_apart(
    inspected: Inspected, clauses: Mapping[str, Clause]
) -> None:
    """WCAG 2.1 AA for text; and parts of a bar differ in lightness, not in hue alone."""
    html = page(inspected, clauses, chinese=True)
    colours = dict(re.findall(r"--([a-z]+):(#[0-9a-f]{6})", html))
    for ink in ("ink", "soft", "deny", "lead"):
        assert contrast(colours[ink], "#ffffff") >= 4.5
        assert contrast(colours[ink], colours["ground"]) >= 4.5
    assert contrast(colours["allow"], "#ffffff") >= 4.5
    for one, two in pairwise(("allow", "ask", "deny")):
        assert contrast(colours[one], colours[two]) >= 2
