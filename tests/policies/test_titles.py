# SPDX-License-Identifier: Apache-2.0
"""Texts are called by their own titles, and reasons say what is so and not what was once meant."""

import re

import pytest

from govshare_policy.policy import load_pack, profiles
from govshare_policy.policy.registry import Kind, load_registry

# How the title of each text ends, in the words of the text itself.
TITLES = {
    "henan-fengqiu": "关于推进全县政务信息资源共享工作的通知",
    "henan-hebi": "政务信息资源共享管理暂行办法",
    "henan-yanjin": "关于推进全县政务信息资源共享工作的通知",
    "hubei": "政务信息资源共享管理办法",
    "jiangxi-pingxiang": "政务信息资源共享管理实施细则",
    "national-809": "政务数据共享条例",
}


@pytest.mark.parametrize("profile", profiles())
def test_a_text_goes_by_its_own_title(profile: str) -> None:
    """Detailed rules are no measures, whatever the texts beside them are called."""
    assert load_pack(profile).name_zh.endswith(TITLES[profile])


def test_no_reason_promises_what_is_still_to_be_built() -> None:
    """Where everything is built, a reason that speaks of plans sends its reader after nothing."""
    registry = load_registry()
    promises = re.compile(r"\bplanned\b|\bwill be\b|\bnot yet\b|将会|尚未|计划中")

    assert [
        clause
        for clause, one in sorted(registry.dispositions.items())
        if promises.search(f"{one.reason_en} {one.reason_zh}")
    ] == []


def test_who_interprets_a_text_is_not_taken_for_who_supervises() -> None:
    registry = load_registry()
    interprets = {
        clause: registry.dispositions[clause]
        for clause, text in registry.clauses.items()
        if "解释" in text.text_zh
    }

    assert sorted(interprets) == ["HU-a34-01", "PX-a25-01"]
    for one in interprets.values():
        assert (one.kind, "interprets" in one.reason_en) == (Kind.OUT_OF_SCOPE, True)
