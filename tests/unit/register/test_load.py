# SPDX-License-Identifier: Apache-2.0
"""A data directory as a whole."""

import os
from datetime import date
from pathlib import Path

import pytest

from govshare_policy.errors import FactError
from govshare_policy.register import load_register
from tests.county import COUNTY
from tests.unit.register.small import SPKI, load, tsv, write


def test_the_small_register_is_read_as_it_stands(tmp_path: Path) -> None:
    register = load(tmp_path, {})

    assert set(register.departments) == {"D-A", "D-B"}
    assert [s.intermediary for s in register.systems.values()] == [False, True]
    entry = register.resources["R1"]
    assert (entry.items, entry.share_method, entry.is_secret) == (("id", "name"), ("api",), False)
    assert entry.more["legal_basis_level"] == "law"
    grant = register.grants["G1"]
    assert (grant.period.valid_from, grant.period.valid_to) == (
        date(2025, 1, 1),
        date(2026, 12, 31),
    )
    assert (grant.daily_quota, grant.spki) == (None, None)
    assert register.grants_of == {("D-B", "R1"): (grant,)}
    assert register.consents["C1"].written
    assert register.approvals[0].approved_by == "provincial_agency"
    assert register.agreements is not None
    assert register.agreements[0].kind == "negotiated"
    assert register.suspensions["D-B"][0].resource == "*"
    assert register.roles == {("hubei", "platform_operator", "D-A")}
    assert register.certificates[bytes.fromhex(SPKI)][0].system == "S-B"
    assert register.platform == {"crypto": "sm"}


def test_a_quota_and_a_key_of_a_grant_are_read(tmp_path: Path) -> None:
    row = tsv("grants.tsv", "provider||", f"provider|1000|{SPKI.upper()}")

    grant = load(tmp_path, {"grants.tsv": row}).grants["G1"]

    assert (grant.daily_quota, grant.spki) == (1000, bytes.fromhex(SPKI))


def test_no_agreements_file_is_not_an_empty_one(tmp_path: Path) -> None:
    """Without the file a grant is its own agreement; with it a row has to be in force."""
    write(tmp_path)
    (tmp_path / "agreements.tsv").unlink()
    assert load_register(tmp_path).agreements is None

    (tmp_path / "agreements.tsv").write_bytes(tsv("agreements.tsv").splitlines(keepends=True)[0])
    assert load_register(tmp_path).agreements == ()


def test_an_unknown_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "Grants.tsv").write_text("")

    with pytest.raises(FactError, match=r"^Grants\.tsv: not a file of a data directory$"):
        load_register(tmp_path)


def test_notes_in_markdown_and_hidden_files_are_let_be(tmp_path: Path) -> None:
    alone = load(tmp_path, {}).digest
    for name in ("README.md", "PROVENANCE.md", ".gitignore", ".grants.tsv.swp"):
        (tmp_path / name).write_bytes(b"\xff")

    assert load_register(tmp_path).digest == alone


@pytest.mark.parametrize("name", ["departments.tsv", "systems.tsv", "resources.tsv", "grants.tsv"])
def test_a_required_file_that_is_missing_is_named(name: str, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / name).unlink()

    with pytest.raises(FactError, match=rf"^{name}: missing from the data directory$"):
        load_register(tmp_path)


def test_only_four_files_are_required(tmp_path: Path) -> None:
    for name in ("departments.tsv", "systems.tsv", "resources.tsv", "grants.tsv"):
        (tmp_path / name).write_bytes(tsv(name))

    register = load_register(tmp_path)

    assert (register.consents, register.approvals, register.suspensions) == ({}, (), {})
    assert (register.certificates, register.platform) == ({}, {})


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=r"^the data directory `nowhere` does not exist$"):
        load_register(tmp_path / "nowhere")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "roles.tsv").unlink()
    (tmp_path / "roles.tsv").mkdir()

    with pytest.raises(FactError, match=r"^roles\.tsv: cannot be read \(Is a directory\)$"):
        load_register(tmp_path)


def test_a_file_whose_end_may_never_come_is_refused_unread(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "consents.tsv").unlink()
    (tmp_path / "consents.tsv").symlink_to("/dev/null")

    with pytest.raises(FactError, match=r"^consents\.tsv: not a regular file$"):
        load_register(tmp_path)


def test_a_file_of_more_than_256_mib_is_refused_unread(tmp_path: Path) -> None:
    write(tmp_path)
    os.truncate(tmp_path / "roles.tsv", (256 << 20) + 1)

    with pytest.raises(FactError, match=r"^roles\.tsv: larger than 256 MiB$"):
        load_register(tmp_path)


def test_the_digest_is_of_every_name_and_byte(tmp_path: Path) -> None:
    """Two registers with one digest are one register."""
    plain = load(tmp_path, {}).digest
    changed = load(tmp_path, {"platform.tsv": tsv("platform.tsv", "sm", "sm4")}).digest
    write(tmp_path)
    (tmp_path / "platform.tsv").unlink()
    fewer = load_register(tmp_path).digest

    assert len({plain, changed, fewer}) == 3
    assert load(tmp_path, {}).digest == plain
    assert len(plain) == 32


def test_the_sample_county_has_36_entries_and_12_grants(tmp_path: Path) -> None:
    for path in COUNTY.glob("*.tsv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())

    register = load_register(tmp_path)

    assert (len(register.resources), len(register.grants)) == (36, 12)
