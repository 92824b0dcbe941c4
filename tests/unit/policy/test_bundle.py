# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from govshare_policy.errors import PolicyError
from govshare_policy.policy import Precedence, load_bundle, packs_directory, profiles
from govshare_policy.policy import bundle as bundle_module
from govshare_policy.register import Register
from tests.county import county_register
from tests.unit.mutated import PACKS, mutated_bundle, swap, write_packs


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Register:
    return county_register(tmp_path_factory.mktemp("county"))


def test_an_unknown_profile_is_answered_with_those_there_are(county: Register) -> None:
    for profile in ("hunan", "", "common", "../policies/hubei", "HUBEI"):
        with pytest.raises(PolicyError) as caught:
            load_bundle(profile, county)
        assert str(caught.value) == f"unknown profile; there are {', '.join(profiles())}"


@pytest.mark.parametrize(
    ("profile", "precedence", "asked"),
    [
        ("hubei", Precedence.LOCAL, ["hubei"]),
        ("hubei", Precedence.NATIONAL, ["national-809"]),
        ("hubei", Precedence.STRICTEST, ["hubei", "national-809"]),
        ("national-809", Precedence.LOCAL, ["national-809"]),
        ("national-809", Precedence.STRICTEST, ["national-809"]),
    ],
)
def test_precedence_says_which_texts_are_asked(
    profile: str, precedence: Precedence, asked: list[str], county: Register
) -> None:
    bundle = load_bundle(profile, county, precedence=precedence)

    assert [text.pack.profile for text in bundle.texts] == asked
    assert (bundle.profile, bundle.precedence) == (profile, precedence)


def test_a_revision_is_of_every_byte_that_decides(county: Register, tmp_path: Path) -> None:
    """Pack, common files, register, profile and precedence: a change of one is another revision."""
    other = county_register(
        tmp_path / "c", {"grants.tsv": [{"grant_id": "G01", "fields": "id_no"}]}
    )
    remark = swap("#", "# changed\n#")
    revisions = {
        "plain": load_bundle("hubei", county).revision,
        "another register": load_bundle("hubei", other).revision,
        "another profile": load_bundle("henan-yanjin", county).revision,
        "national": load_bundle("hubei", county, precedence=Precedence.NATIONAL).revision,
        "strictest": load_bundle("hubei", county, precedence=Precedence.STRICTEST).revision,
    }
    for file in ("common/rules.conf", "common/scope.conf", "common/reasons.toml", "hubei/law.toml"):
        revisions[file] = mutated_bundle(county, tmp_path, {file: remark}).revision

    assert len(set(revisions.values())) == len(revisions)
    assert {len(revision) for revision in revisions.values()} == {32}
    assert load_bundle("hubei", county).revision == revisions["plain"]


def test_a_change_of_a_text_that_is_not_asked_changes_nothing(
    county: Register, tmp_path: Path
) -> None:
    changed = mutated_bundle(county, tmp_path, {"national-809/law.toml": swap("#", "# x\n#")})

    assert changed.revision == load_bundle("hubei", county).revision


def test_a_broken_text_that_is_not_asked_does_no_harm(county: Register, tmp_path: Path) -> None:
    packs = write_packs(tmp_path, {"national-809/policy.csv": lambda _text: "nonsense"})

    assert load_bundle("hubei", county, packs=packs).texts
    with pytest.raises(PolicyError, match=r"^national-809/policy\.csv line 1 column 1"):
        load_bundle("hubei", county, packs=packs, precedence=Precedence.STRICTEST)


@pytest.mark.parametrize("name", ["rules.conf", "scope.conf", "findings.json", "reasons.toml"])
def test_a_common_file_that_is_missing_or_no_text_is_refused(
    name: str, county: Register, tmp_path: Path
) -> None:
    packs = write_packs(tmp_path, {})
    path = packs / "common" / name
    path.write_bytes(b"\xff\xfe" + path.read_bytes())
    with pytest.raises(PolicyError):
        load_bundle("hubei", county, packs=packs)
    path.unlink()

    with pytest.raises(
        PolicyError,
        match=r"^common: a file of the pack cannot be read \(No such file or directory\)$",
    ):
        load_bundle("hubei", county, packs=packs)


def test_the_packs_of_a_checkout_are_found() -> None:
    assert packs_directory() == PACKS
    assert {"hubei", "henan-fengqiu", "national-809"} <= set(profiles())
    assert list(profiles()) == sorted(profiles())


def test_packs_that_are_not_installed_are_said_to_be_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bundle_module, "__file__", str(tmp_path / "a" / "policy" / "bundle.py"))

    with pytest.raises(PolicyError, match=r"^the policy packs are not installed$"):
        packs_directory()


def test_packs_inside_the_package_come_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where the library is installed, the packs lie in it."""
    monkeypatch.setattr(bundle_module, "__file__", str(tmp_path / "a" / "policy" / "bundle.py"))
    (tmp_path / "policies" / "common").mkdir(parents=True)
    assert packs_directory() == tmp_path / "policies"

    (tmp_path / "a" / "packs" / "common").mkdir(parents=True)
    assert packs_directory() == tmp_path / "a" / "packs"
