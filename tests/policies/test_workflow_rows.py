# SPDX-License-Identifier: Apache-2.0
"""No row of a table can be taken out of a ``workflow.toml`` without a case that notices."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.errors import GovshareError, PolicyError
from govshare_policy.policy import Pack, load_pack, packs_directory, profiles
from govshare_policy.workflow import Workflow
from govshare_policy.workflow.rules import parse_workflow
from tests.policies.procedures import cases, differences

HEADER = "[["
MEMORY = Path("/dev/shm")  # noqa: S108  a fixture makes a directory of its own in it


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    path = tmp_path_factory.mktemp("key") / "key.pem"
    generate_key(path, b"correct horse")
    return open_signer(f"file:{path}", b"correct horse")


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """Hundreds of deployments that nobody reads again: where there is a disk of memory, there."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else tmp_path) as name:
        yield Path(name)


def rows(profile: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield every row, and the file without it."""
    text = (packs_directory() / profile / "workflow.toml").read_text(encoding="utf-8")
    head, *tables = text.split(f"\n{HEADER}")
    for number, table in enumerate(tables):
        rest = [other for place, other in enumerate(tables) if place != number]
        ((_, (row,)),) = tomllib.loads(HEADER + table).items()
        yield row, f"\n{HEADER}".join([head, *rest])


def candidates(profile: str, row: Mapping[str, Any]) -> list[str]:
    """Return the cases that may notice the loss of *row*: the likeliest and shortest first."""
    name, clauses = row.get("step", row["id"]), row["clauses"]

    def bearing(step: Mapping[str, Any]) -> int:
        said = clauses in (step["clauses"], step.get("reopened"))
        about = row["id"] in map(str, step.values())
        some = bool({*clauses} & {*step["clauses"], *step.get("citizen", ())})
        return 4 * (said and step["do"] == name) + 2 * about + some

    ranked = [
        (max((bearing(step), -place) for place, step in enumerate(case["steps"])), key)
        for key, case in cases(profile).items()
    ]
    return [key for (score, _), key in sorted(ranked, reverse=True) if score]


def is_noticed(text: Workflow, names: list[str], directory: Path, signer: Signer) -> bool:
    for number, name in enumerate(names):
        try:
            where = directory / str(number)
            if any(differences(where, signer, text.profile, name, text=text)):
                return True
        except (GovshareError, KeyError):  # the matter that the row opens is not there
            return True
    return False


@pytest.mark.parametrize("profile", profiles())
def test_every_row_that_is_taken_out_is_missed(profile: str, scratch: Path, signer: Signer) -> None:
    pack: Pack = load_pack(profile)
    unnoticed = []
    for number, (row, rest) in enumerate(rows(profile)):
        try:
            text = parse_workflow(rest.encode(), profile=profile, clauses=pack.clauses)
        except PolicyError:  # another row names it, so the file does not even load
            continue
        names = candidates(profile, row)
        if not is_noticed(text, names, scratch / str(number), signer):
            unnoticed.append(row["id"])

    assert unnoticed == []
