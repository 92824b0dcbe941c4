# SPDX-License-Identifier: Apache-2.0
"""A small register in which one file can be changed."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from govshare_policy.errors import FactError
from govshare_policy.register import Register, load_register

SPKI = "0123456789abcdef" * 4
SMALL: Mapping[str, str] = {
    "departments.tsv": """\
dept_id|name_zh|name_en|subject_type
D-A|甲局|Bureau A|gov_department
D-B|乙局|Bureau B|gov_department
""",
    "systems.tsv": """\
system_id|name_zh|dept_id|intermediary
S-A|甲系统|D-A|
S-B|乙系统|D-B|Y
""",
    "resources.tsv": """\
resource_id|name_zh|provider|share_type|share_scope|share_method|legal_basis_level|category|item_class|\
basis_verified_by|parameter_controlled|items|is_secret|upstream|secrecy_review|updated_on
R1|甲表|D-A|conditional|D-B|api|law|department|-|D-A|N|id,name|N||2025-06-10|
R2|乙表|D-B|unconditional|ALL|api||||||id|N|R1||
""",
    "grants.tsv": """\
grant_id|resource_id|user_dept|systems|purposes|fields|channels|valid_from|valid_to|granted_by|\
daily_quota|cert_spki
G1|R1|D-B|S-B|check|id,name|api|2025-01-01|2026-12-31|provider||
""",
    "consents.tsv": """\
consent_id|kind|resource_id|provider|user_dept|recipients|purposes|written|commercial|valid_from|valid_to
C1|onward|R1|D-A|D-B|O-X|check|Y|N|2025-01-01|2025-12-31
""",
    "approvals.tsv": """\
approval_id|kind|resource_id|user_dept|approved_by|valid_from|valid_to
A1|offline_exchange|R1|D-B|provincial_agency|2025-01-01|2025-12-31
""",
    "agreements.tsv": """\
agreement_id|kind|resource_id|provider|user_dept|channel|network|valid_from|valid_to
N1|negotiated|R1|D-A|D-B|api|extranet|2025-01-01|2025-12-31
""",
    "suspensions.tsv": """\
suspension_id|user_dept|resource_id|recorded_on|lifted_on
U1|D-B|*|2025-03-01|
""",
    "roles.tsv": """\
profile|role|dept_id
hubei|platform_operator|D-A
""",
    "certificates.tsv": f"""\
system_id|spki|valid_from|valid_to|revoked_on
S-B|{SPKI}|2025-01-01|2026-12-31|
""",
    "platform.tsv": """\
key|value
crypto|sm
""",
}


def tsv(name: str, old: str = "", new: str = "") -> bytes:
    """Return a file of the small register, with *old* replaced once; bars stand for tabs."""
    text = SMALL[name]
    assert old in text
    return text.replace(old, new, 1).replace("|", "\t").replace("¦", "|").encode()


def write(directory: Path, **changed: bytes) -> Path:
    for name in SMALL:
        (directory / name).write_bytes(changed.get(name, tsv(name)))
    return directory


def load(directory: Path, changed: Mapping[str, bytes]) -> Register:
    return load_register(write(directory, **changed))


def fault(directory: Path, changed: Mapping[str, bytes]) -> str:
    with pytest.raises(FactError) as caught:
        load(directory, changed)
    return str(caught.value)


class Fault(NamedTuple):
    """One change of one file, and what is said about it after the name of the file."""

    file: str
    old: str
    new: str
    said: str


def said_of(wrong: Fault, directory: Path) -> str:
    """Return what is said of the small register with the fault in it."""
    return fault(directory, {wrong.file: tsv(wrong.file, wrong.old, wrong.new)})
