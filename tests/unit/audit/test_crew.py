# SPDX-License-Identifier: Apache-2.0
"""Several processes that verify one log say what one process says, of good logs and of bad ones."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from multiprocessing import Pipe, active_children
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govshare_policy.audit import (
    Checkpoint,
    Damage,
    LogDamageError,
    TrustPolicy,
    Verdict,
    trust_text,
    verify_log,
)
from govshare_policy.audit import crew as crew_module
from govshare_policy.audit.crew import do_errand, follow, list_errands, work
from govshare_policy.audit.manifest import load_manifest
from govshare_policy.audit.merkle import Frontier
from govshare_policy.audit.segment import SEGMENT_LEAVES, segment_name
from govshare_policy.audit.walk import Stretch, Walk
from govshare_policy.crypto import Signer
from tests.unit.audit.spoils import FULL, ORIGIN, WAYS, Spoil, make

Report = Verdict | tuple[Damage, str, int, int | None, str]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Path:
    return make(tmp_path_factory.mktemp("crew") / "log", signer)


@pytest.fixture(scope="module")
def place(good: Path) -> Path:
    """Where the logs that are spoilt are put."""
    return good.parent


def judge(log: Path, trust: TrustPolicy, *, workers: int = 1) -> Report:
    try:
        return verify_log(log, trust, workers=workers)
    except LogDamageError as error:
        return (error.kind, error.part.file, error.part.offset, error.index, str(error))


class Here(crew_module.Crew):
    """A crew whose work is done by this process."""

    def __init__(self, walk: Walk, directory: Path, firsts: Sequence[int], *, count: int) -> None:
        super().__init__(walk, directory, firsts, count=0)
        self._found = {
            errand.first: do_errand(errand, directory, walk.manifest, walk.trust)
            for errand in list_errands(walk, directory, firsts)
        }
        self._all = firsts

    def read(self) -> Iterator[tuple[int, Stretch | None]]:
        return ((first, self._found.get(first)) for first in self._all)


SPOILS = st.builds(
    Spoil,
    segment=st.integers(0, FULL),
    way=st.sampled_from(sorted(WAYS)),
    where=st.floats(0, 1),
)


def test_two_processes_say_what_one_says(good: Path, trust: TrustPolicy) -> None:
    """Down to the keys, times and counts; and they are told of every byte."""
    told: list[tuple[int, int]] = []
    kept = Checkpoint.from_note((good / "checkpoint").read_bytes())
    one = verify_log(good, trust, known=[kept])
    two = verify_log(good, trust, known=[kept], workers=2, progress=lambda *step: told.append(step))

    assert one == two
    assert (two.size, two.segments, two.checkpoints) == (FULL * SEGMENT_LEAVES + 10, 4, 14)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert active_children() == []


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(spoils=st.lists(SPOILS, min_size=1, max_size=2))
def test_whatever_is_spoilt_the_verdict_is_the_same(
    spoils: list[Spoil],
    good: Path,
    place: Path,
    trust: TrustPolicy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first bad record, its file, offset and sentence, whichever segment is read first."""
    log = place / "spoilt"
    shutil.rmtree(log, ignore_errors=True)
    shutil.copytree(good, log)
    for spoil in spoils:
        spoil.apply(log)

    with monkeypatch.context() as patch:
        patch.setattr(crew_module, "Crew", Here)
        report = judge(log, trust, workers=2)
    assert report == judge(log, trust)


def test_two_faults_are_named_in_their_order(good: Path, place: Path, trust: TrustPolicy) -> None:
    """By real processes: the second segment is done first, the first one is to blame."""
    log = place / "faults"
    shutil.copytree(good, log)
    for segment, way in ((2, "forge a commit"), (1, "forge the seal")):
        Spoil(segment, way, 1.0).apply(log)

    report = judge(log, trust, workers=3)

    assert report == judge(log, trust)
    assert not isinstance(report, Verdict)
    assert report[:2] == (Damage.SEGMENT, f"seg/{segment_name(SEGMENT_LEAVES)}")
    assert active_children() == []


def test_findings_about_another_tree_do_not_count(good: Path, trust: TrustPolicy) -> None:
    """What was found behind other records than these says nothing; the segment is read again."""
    manifest = load_manifest(good)
    walks = [Walk(manifest, trust, wanted=(), progress=lambda _: None) for _ in range(2)]
    firsts = [0, SEGMENT_LEAVES]
    errands = list(list_errands(walks[0], good, firsts))
    whole = [do_errand(errand, good, manifest, trust) for errand in errands]
    assert None not in whole
    other = Frontier(size=SEGMENT_LEAVES, nodes=(bytes(32),))
    forged = [replace(stretch, start=other, commits=99) for stretch in whole if stretch]

    follow(walks[0], good, zip(firsts, whole, strict=True))
    follow(walks[1], good, zip(firsts, forged, strict=True))

    assert walks[0].tree == walks[1].tree
    assert walks[0].commits == walks[1].commits == 9


def test_a_process_works_until_nobody_asks(good: Path, trust: TrustPolicy) -> None:
    """Its main, run by this one; it minds no interrupt."""
    manifest = load_manifest(good)
    walk = Walk(manifest, trust, wanted=(), progress=lambda _: None)
    errand = next(list_errands(walk, good, [0]))
    ours, theirs = Pipe()
    received: list[object] = []

    def ask() -> None:
        ours.send(errand)
        received.append(ours.recv())
        ours.send(errand._replace(first=SEGMENT_LEAVES))
        received.append(ours.recv())
        ours.close()

    asking = threading.Thread(target=ask)
    before = signal.getsignal(signal.SIGINT)
    asking.start()
    try:
        work(theirs, good, manifest, trust)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
        asking.join()
        theirs.close()
    assert received == [do_errand(errand, good, manifest, trust), None]


@pytest.mark.parametrize("segment", [1, 2])
def test_a_time_that_goes_back_between_segments_is_found(
    tmp_path: Path, signer: Signer, trust: TrustPolicy, segment: int
) -> None:
    """Each segment is in order by itself; only side by side they are not."""
    log = make(tmp_path / "log", signer, back_at=segment)

    report = judge(log, trust, workers=2)

    assert report == judge(log, trust)
    assert not isinstance(report, Verdict)
    assert (report[0], report[3]) == (Damage.CLOCK, segment * SEGMENT_LEAVES)


def test_a_process_that_is_killed_changes_nothing(
    good: Path, trust: TrustPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its segment is read by whoever is left."""
    start = crew_module.Crew.__enter__

    def start_and_kill(self: crew_module.Crew) -> crew_module.Crew:
        start(self)
        for member in self._members:
            assert member.process.pid is not None
            os.kill(member.process.pid, signal.SIGKILL)
            member.process.join()
        return self

    monkeypatch.setattr(crew_module.Crew, "__enter__", start_and_kill)
    assert verify_log(good, trust, workers=2) == verify_log(good, trust)
    assert active_children() == []


def test_a_process_that_does_not_start_leaves_none_behind(
    good: Path, trust: TrustPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one is ended too."""
    start = crew_module._Member.start
    started = 0

    def fail_the_second(self: crew_module._Member) -> None:
        nonlocal started
        started += 1
        if started == 2:
            raise OSError(11, "no more processes")
        start(self)

    monkeypatch.setattr(crew_module._Member, "start", fail_the_second)
    with pytest.raises(OSError, match="no more processes"):
        verify_log(good, trust, workers=2)
    assert active_children() == []


def test_an_interrupt_ends_all_processes(good: Path, trust: TrustPolicy) -> None:
    """As does any other error of whoever is told how far it is."""

    def interrupt(_done: int, _total: int) -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify_log(good, trust, workers=2, progress=interrupt)
    assert active_children() == []


def test_a_process_that_has_just_begun_hears_no_interrupt(
    good: Path, trust: TrustPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it can ignore one by itself it would end on it, or say where it was."""
    start, end, lived = crew_module._Member.start, crew_module._Member.end, list[bool]()

    def interrupted(member: crew_module._Member) -> None:
        start(member)
        assert member.process.pid is not None
        os.kill(member.process.pid, signal.SIGINT)

    def noted(member: crew_module._Member) -> None:
        lived.append(member.process.is_alive())
        end(member)

    monkeypatch.setattr(crew_module._Member, "start", interrupted)
    monkeypatch.setattr(crew_module._Member, "end", noted)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert verify_log(good, trust, workers=2) == verify_log(good, trust)
    assert lived == [True, True]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_a_terminal_interrupt_is_quiet(good: Path, signer: Signer) -> None:
    """The signal goes to everybody; only the first process says anything."""
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from govshare_policy.audit import parse_trust, verify_log\n"
        "def tick(done, total):\n"
        "    os.killpg(0, signal.SIGINT)\n"
        "if __name__ == '__main__':\n"
        # A shell that runs this in the background has it ignore the signal.
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "    try:\n"
        "        trust = parse_trust(sys.argv[2])\n"
        "        verify_log(Path(sys.argv[1]), trust, workers=2, progress=tick)\n"
        "    except KeyboardInterrupt:\n"
        "        sys.exit(7)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(good), trust_text(ORIGIN, signer.public)],
        cwd=Path(__file__).parents[3],
        start_new_session=True,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (7, "")
