# SPDX-License-Identifier: Apache-2.0
"""What the checks take for a fee, a national cipher, a level, and two entries alike."""

from pathlib import Path

import pytest

from govshare_policy.catalogue import lint, load_catalogue, load_lint
from tests.county import Change, write_county


def rules_found(directory: Path, profile: str, change: Change, *, resource: str = "") -> list[str]:
    catalogue = load_catalogue(write_county(directory / "county", change))
    findings = lint(catalogue, load_lint(profile)[0])
    return [finding.code for finding in findings if finding.resource == resource]


FEES = {
    **dict.fromkeys(("", "0", "0.00", "0元", "免费", "无偿", "不收费", "Free", "-"), False),
    **dict.fromkeys(("1", "0.01", "-1", "5元", "按件收费", "NaN", "Infinity"), True),
}


@pytest.mark.parametrize("fee", FEES)
def test_a_fee_is_whatever_is_not_nothing(fee: str, tmp_path: Path) -> None:
    change = {"resources.tsv": [{"resource_id": "R22", "fee": fee}]}

    found = rules_found(tmp_path, "henan-fengqiu", change, resource="R22")

    assert found == (["fee"] if FEES[fee] else [])


@pytest.mark.parametrize("profile", ["henan-fengqiu", "hubei", "national-809"])
@pytest.mark.parametrize("body", ["O-OPS", "O-UTL", "O-BNK", "D-DPF", "D-EDU"])
def test_a_scope_names_departments_and_what_the_law_authorises(
    body: str, profile: str, tmp_path: Path
) -> None:
    change = {"resources.tsv": [{"resource_id": "R22", "share_scope": f"D-NRB|{body}"}]}

    found = rules_found(tmp_path, profile, change, resource="R22")

    assert found == (["scope_department"] if body.startswith("O-") else [])


NEGOTIATED = [{"grant_id": "G09", "granted_by": "provider"}]


@pytest.mark.parametrize("level", ["law", "admin_regulation", "central_policy"])
@pytest.mark.parametrize("grants", [[], NEGOTIATED], ids=["negotiated", "by the provider"])
def test_what_a_statute_seals_and_is_negotiated_is_for_a_person(
    grants: list[dict[str, str]], level: str, tmp_path: Path
) -> None:
    row = {"resource_id": "R31", "legal_basis_level": level}
    change: Change = {"resources.tsv": [row], "grants.tsv": grants}

    found = rules_found(tmp_path, "jiangxi-pingxiang", change, resource="R31")

    sealed = level != "central_policy" and not grants
    assert ("sealed_negotiated" in found) is sealed


CIPHERS = {
    **dict.fromkeys(("SM4", "sm2", "SM2/SM4", "ECC_SM4_SM3", "SM2withSM3", "sm"), True),
    **dict.fromkeys(("国密算法", "国产密码", "GM/T 0054", "TLCP", "ZUC-128", "national"), True),
    **dict.fromkeys(("AES-256", "RSA", "smart card", "none", "nationality"), False),
}


@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_national_cipher_is_known_by_its_name(cipher: str, tmp_path: Path) -> None:
    rows = [{"key": "crypto", "value": cipher}, {"key": "auth", "value": "password"}]

    found = rules_found(tmp_path, "jiangxi-pingxiang", {"platform.tsv": rows})

    assert found == ([] if CIPHERS[cipher] else ["platform_crypto"])


LEVELS = {
    **dict.fromkeys(("3", "4", "5", "三级", "第三级", "level 3", "等保四级"), True),
    **dict.fromkeys(("1", "2", "二级", "0", "33", "3 or 2", "high"), False),
}


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_is_a_number_in_whatever_words(level: str, tmp_path: Path) -> None:
    """What names no one level from 1 to 5 is none."""
    rows = [{"key": "mlps_level", "value": level}]

    found = rules_found(tmp_path, "henan-hebi", {"platform.tsv": rows})

    assert found == ([] if LEVELS[level] else ["platform_mlps"])


def test_a_department_may_give_two_entries_one_name(tmp_path: Path) -> None:
    """Two sources of one datum are two departments."""
    alike = {"name_zh": "道路运输经营许可", "items": "licence_no,owner,vehicle_no"}
    change = {"resources.tsv": [{"resource_id": "R22", "provider": "D-TRA", **alike}]}

    assert rules_found(tmp_path, "hubei", change, resource="R22") == []


def test_every_entry_that_has_a_second_source_is_named(tmp_path: Path) -> None:
    alike = {"name_zh": "道路运输经营许可", "items": "licence_no,owner,vehicle_no"}
    rows = [{"resource_id": "R22", **alike}, {"resource_id": "R18", **alike}]
    change = {"resources.tsv": rows}

    for resource in ("R18", "R22", "R27"):
        found = rules_found(tmp_path / resource, "hubei", change, resource=resource)
        assert found == ["two_sources"]
