# SPDX-License-Identifier: Apache-2.0
"""Several ``govshare egress scan`` over one index, while what is obtained is registered."""

import json
import subprocess
import sys
from pathlib import Path

from govshare_policy.egress.keys import generate_keys
from tests.e2e.egress_world import OTHERS, as_json, person
from tests.egress.generators import Row

FILES, RELEASES = 25, 2
PLACE = ("--directory", "egress", "--keys", "egress.key")


def begin(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "govshare_policy.cli", "egress", *arguments, *PLACE)
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=directory, stdout=pipe, stderr=pipe, text=True)


def register(directory: Path, number: int) -> subprocess.Popen[str]:
    of = ("--resource", "R08", "--provider", "D-CAB", "--grant", "G01", "--subject", "id_no")
    return begin(directory, "register", f"obtained-{number}.json", "--receipt", f"R-{number}", *of)


def obtained(number: int) -> list[Row]:
    return [person(100 * number + at) for at in range(20)]


def test_scans_and_registrations_at_once_end_well_and_nothing_registered_is_missed(
    tmp_path: Path,
) -> None:
    generate_keys(tmp_path / "egress.key")
    for number in range(RELEASES):
        (tmp_path / f"obtained-{number}.json").write_bytes(as_json(obtained(number)))
    names = [f"own-{number}.json" for number in range(FILES)]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(as_json(OTHERS[number % 8 :]))
    first = register(tmp_path, 0)
    said, trouble = first.communicate(timeout=300)
    assert first.returncode == 0, trouble

    # What was registered before they began, both find; what comes meanwhile disturbs neither.
    scans = [begin(tmp_path, "scan", *names, "obtained-0.json") for _ in range(2)]
    registrations = [register(tmp_path, number) for number in range(1, RELEASES)]
    for process in (*scans, *registrations):
        said, trouble = process.communicate(timeout=300)
        assert process.returncode == int(process in scans), trouble
        if process in scans:
            *own, released = json.loads(said)["files"]
            assert {one["outcome"] for one in own} == {"pass"}
            assert released["evidence"][0]["receipt"] == "R-0"

    late = begin(tmp_path, "scan", *(f"obtained-{number}.json" for number in range(RELEASES)))
    said, trouble = late.communicate(timeout=300)
    files = json.loads(said)["files"]
    assert [one["evidence"][0]["receipt"] for one in files] == ["R-0", "R-1"], trouble
