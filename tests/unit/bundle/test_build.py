# SPDX-License-Identifier: Apache-2.0
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from govshare_policy.errors import ConfigError, FactError, PolicyError
from govshare_policy.policy import Precedence, load_bundle, packs_directory
from govshare_policy.register import load_register
from govshare_policy.signed import build, build_bundle
from tests.county import COUNTY
from tests.unit.bundle.conftest import CREATED


def make(target: Path, *, data: Path = COUNTY, **change: object) -> Path:
    chosen: dict[str, object] = {
        "profile": "hubei",
        "precedence": Precedence.STRICTEST,
        "created": CREATED,
        **change,
    }
    build_bundle(target, data=data, **chosen)  # type: ignore[arg-type]
    return target


def content(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two people can make a bundle and compare."""
    assert content(make(tmp_path / "one")) == content(make(tmp_path / "two"))


def test_a_bundle_says_when_it_was_made_and_nothing_else_changes(tmp_path: Path) -> None:
    """The time is given; it is in the manifest and nowhere else."""
    one, two = (
        content(make(tmp_path / name, created=CREATED + timedelta(days=number)))
        for number, name in enumerate(("one", "two"))
    )

    assert one.pop("manifest.json") != two.pop("manifest.json")
    assert one == two


@pytest.mark.parametrize(
    ("profile", "precedence", "packs"),
    [
        ("hubei", Precedence.LOCAL, {"hubei"}),
        ("hubei", Precedence.STRICTEST, {"hubei", "national-809"}),
        ("hubei", Precedence.NATIONAL, {"hubei", "national-809"}),
        ("national-809", Precedence.STRICTEST, {"national-809"}),
    ],
)
def test_a_bundle_holds_the_texts_that_are_asked(
    profile: str, precedence: Precedence, packs: set[str], tmp_path: Path
) -> None:
    """It decides as the same packs and registers do outside of it."""
    manifest = build_bundle(
        tmp_path / "made", profile=profile, data=COUNTY, precedence=precedence, created=CREATED
    )
    outside = load_bundle(profile, load_register(COUNTY), precedence=precedence)

    assert {path.name for path in (tmp_path / "made" / "packs").iterdir()} == packs | {"common"}
    assert manifest.revision == outside.revision


def test_notes_and_cases_stay_behind(tmp_path: Path) -> None:
    """A bundle holds what decides and what is said about it, not what was written beside it."""
    data = shutil.copytree(COUNTY, tmp_path / "data")
    (data / "README.md").write_text("a note", encoding="utf-8")
    (data / ".grants.tsv.swp").write_text("an editor's", encoding="utf-8")
    made = content(make(tmp_path / "made", data=data))

    assert not [name for name in made if name.endswith((".md", ".swp", ".yaml"))]


def test_a_wrong_register_makes_no_bundle(tmp_path: Path) -> None:
    """What does not load is not packed, and nothing is left behind."""
    data = shutil.copytree(COUNTY, tmp_path / "data")
    (data / "grants.tsv").write_text("nonsense\n", encoding="utf-8")

    with pytest.raises(FactError, match=r"grants\.tsv line 1"):
        make(tmp_path / "made", data=data)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_a_wrong_pack_makes_no_bundle(tmp_path: Path) -> None:
    """The packs are loaded too."""
    packs = shutil.copytree(packs_directory(), tmp_path / "packs")
    (packs / "hubei" / "policy.csv").write_text("p, x\n", encoding="utf-8")

    with pytest.raises(PolicyError, match=r"hubei/policy\.csv"):
        make(tmp_path / "made", packs=packs)
    assert not (tmp_path / "made").exists()


def test_an_existing_directory_is_left_alone(tmp_path: Path) -> None:
    """A bundle is new or not at all; not even a link that leads nowhere is replaced."""
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("nowhere")

    for name in ("there", "link"):
        with pytest.raises(ConfigError, match="choose another name"):
            make(tmp_path / name)


@pytest.mark.parametrize("where", ["missing/made", "file/made"])
def test_a_place_that_cannot_be_written_is_named(where: str, tmp_path: Path) -> None:
    """The operator has to choose another place."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(ConfigError, match="`made` cannot be written"):
        make(tmp_path / where)


def test_a_disk_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle appears whole or not at all."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fail)

    with pytest.raises(ConfigError, match="No space left"):
        make(tmp_path / "made")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("long", "error"),
    [("data/grants.tsv", FactError), ("packs/hubei/policy.csv", PolicyError)],
)
def test_a_file_that_is_too_long_makes_no_bundle(
    long: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no sidecar would take is not packed."""
    shutil.copytree(packs_directory(), tmp_path / "packs")
    shutil.copytree(COUNTY, tmp_path / "data")
    most = max(path.stat().st_size for path in tmp_path.rglob("*"))
    with (tmp_path / long).open("a", encoding="utf-8") as file:
        file.write("\n" * most)  # empty lines mean nothing to either
    monkeypatch.setattr(build, "MAX_FILE_BYTES", most)

    with pytest.raises(error, match=rf"{Path(long).name}: larger than"):
        make(tmp_path / "made", packs=tmp_path / "packs", data=tmp_path / "data")
    assert not (tmp_path / "made").exists()
