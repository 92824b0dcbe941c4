# SPDX-License-Identifier: Apache-2.0
"""The rows of the procedures whose clauses no case would miss, held against the texts."""

from collections.abc import Mapping

import pytest

from govshare_policy.policy import profiles
from govshare_policy.policy.encodings import Reference
from govshare_policy.policy.registry import load_registry

# Taken from the texts: a reopening is no step of its own, and a refusal names its first clauses.
UNREACHED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "henan-fengqiu": {
        "reopen": ("FQ-3.2-11",),
        "conditions": ("FQ-3.2-11",),
        "reasons": ("FQ-3.2-11",),
        "result": ("FQ-3.2-11",),
    },
    "henan-yanjin": {
        "reopen": ("YJ-3.2-11",),
        "conditions": ("YJ-3.2-11",),
        "reasons": ("YJ-3.2-11",),
        "result": ("YJ-3.2-11",),
    },
    "jiangxi-pingxiang": {
        "reopen": (
            "PX-a16-07",
            "PX-a16-06",
        ),
        "refuse-to-agree": (
            "PX-a16-05",
            "PX-a16-06",
        ),
        "reopen-negotiation": (
            "PX-a16-07",
            "PX-a16-06",
        ),
        "result": ("PX-a16-06",),
    },
    "henan-hebi": {
        "reopen": (
            "HB-a15-07",
            "HB-a15-06",
        ),
        "refuse-to-agree": (
            "HB-a15-05",
            "HB-a15-06",
        ),
        "reopen-negotiation": (
            "HB-a15-07",
            "HB-a15-06",
        ),
        "result": ("HB-a15-06",),
    },
    "hubei": {
        "reopen": (
            "HU-a25-01",
            "HU-a25-02",
        ),
        "reopen-direct": (
            "HU-a25-01",
            "HU-a25-02",
        ),
        "conditions": ("HU-a25-01",),
        "reasons": ("HU-a25-01",),
        "result": ("HU-a25-01",),
        "revoke-direct": (
            "HU-a12-03",
            "HU-a21-03",
        ),
    },
    "national-809": {
        "scope": ("NR-a20-01",),
        "share_method": ("NR-a20-01",),
        "time_limit": ("NR-a20-01",),
        "supplement-when-extended": ("NR-a21-04",),
        "complete-when-extended": ("NR-a21-04",),
        "extend-when-completed": ("NR-a21-03",),
        "reopen": ("NR-a28-01",),
        "conditions": ("NR-a28-01",),
        "reasons": ("NR-a28-01",),
        "result": ("NR-a28-01",),
        "decline-purpose-change-consent": (
            "NR-a25-01",
            "NR-a21-05",
        ),
        "decline-scope-change-consent": (
            "NR-a25-01",
            "NR-a21-05",
        ),
        "revoke-of-operator": ("NR-a27-03",),
    },
}


@pytest.mark.parametrize("profile", profiles())
def test_a_row_that_no_case_cites_cites_what_the_text_says(profile: str) -> None:
    registry = load_registry()
    cited = {
        name: [
            place.clauses for place in registry.places(profile, Reference(kind="step", name=name))
        ]
        for name in UNREACHED[profile]
    }

    assert cited == {name: [clauses] for name, clauses in UNREACHED[profile].items()}
