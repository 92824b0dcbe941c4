# SPDX-License-Identifier: Apache-2.0
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from govshare_policy.audit import encode_record
from govshare_policy.crypto import Signer
from govshare_policy.deadline import Calendar
from govshare_policy.errors import AuditError, CallError, ConfigError, VerificationError
from govshare_policy.report import AsOf, gather, open_sources, views
from govshare_policy.report.source import Source
from tests.unit.report.logs import ORIGIN, diary, noon, trust_in
from tests.unit.report.test_figures import JUNE, fill


def calls(*sources: Source) -> int:
    return views(
        gather(sources, JUNE, as_of=AsOf(today=JUNE.last), calendar=Calendar())
    ).total.count.calls


def test_a_verified_log_is_said_to_be(tmp_path: Path, signer: Signer) -> None:
    """With its size and root, so that the reader can ask for the same log."""
    with diary(tmp_path / "log", signer) as book:
        fill(book, 3)
    (source,) = open_sources([tmp_path / "log"], [trust_in(signer)])
    document = source.to_document()

    assert (document["origin"], document["verified"], document["records"]) == (ORIGIN, True, 4)
    assert source.verdict is not None
    assert document["root"] == source.verdict.root.hex()


def test_an_unverified_log_is_said_not_to_be(tmp_path: Path, signer: Signer) -> None:
    """Without a trust file nothing vouches for the figures, and the report says so."""
    with diary(tmp_path / "log", signer) as book:
        fill(book, 3)
    (source,) = open_sources([tmp_path / "log"])

    assert source.to_document() == {"origin": ORIGIN, "verified": False}
    assert calls(source) == 3


def test_a_log_that_does_not_verify_gives_no_figures(tmp_path: Path, signer: Signer) -> None:
    """One flipped bit, and there is no report."""
    with diary(tmp_path / "log", signer) as book:
        fill(book, 3)
    (segment,) = (tmp_path / "log" / "seg").iterdir()
    data = bytearray(segment.read_bytes())
    data[data.index(b'"outcome":"allow"') + 11] ^= 1
    segment.write_bytes(data)

    with pytest.raises(VerificationError):
        open_sources([tmp_path / "log"], [trust_in(signer)])


def test_what_was_written_after_verification_does_not_count(tmp_path: Path, signer: Signer) -> None:
    """A log in use grows; only what was verified is reported."""
    with diary(tmp_path / "log", signer) as book:
        fill(book, 2)
        (source,) = open_sources([tmp_path / "log"], [trust_in(signer)])
        book.call(noon(JUNE.first) + timedelta(hours=1))

        assert calls(source) == 2
        assert calls(*open_sources([tmp_path / "log"])) == 3


def test_the_calls_of_several_logs_add_up(tmp_path: Path, signer: Signer) -> None:
    """Each with a trust file of its own, in any order."""
    for name in ("one", "two"):
        with diary(tmp_path / name, signer, origin=f"log/{name}") as book:
            fill(book, 2)
    sources = open_sources(
        [tmp_path / "one", tmp_path / "two"],
        [trust_in(signer, "log/two"), trust_in(signer, "log/one")],
    )

    assert calls(*sources) == 4


def test_the_same_log_twice_is_refused(tmp_path: Path, signer: Signer) -> None:
    """A copy is the same log, whatever its directory is called."""
    with diary(tmp_path / "log", signer) as book:
        fill(book, 1)
    shutil.copytree(tmp_path / "log", tmp_path / "copy")

    with pytest.raises(CallError, match="is given twice"):
        open_sources([tmp_path / "log", tmp_path / "copy"])


def test_a_log_without_its_trust_file_is_refused(tmp_path: Path, signer: Signer) -> None:
    """A report is verified in all its parts or in none."""
    with diary(tmp_path / "log", signer):
        pass

    says = f"no trust file is for the log `{ORIGIN}`; those given are for `another/log`"
    with pytest.raises(ConfigError, match=says):
        open_sources([tmp_path / "log"], [trust_in(signer, "another/log")])


def test_a_path_that_is_no_log_is_told_for_what_it_is(tmp_path: Path, signer: Signer) -> None:
    """Above the log, in the log, beside the log: slips of a path."""
    (tmp_path / "empty").mkdir()
    with diary(tmp_path / "audit" / "log", signer):
        pass
    for path, said in {
        "nowhere": "`nowhere` does not exist; --log takes the directory of a log",
        "audit/log/log.json": "`log.json` is a file; --log takes the directory of a log",
        "audit": "`audit` is not a log but holds one; give `audit/log`",
        "empty": "`empty` is not the directory of a log: it holds no `log.json`",
    }.items():
        with pytest.raises(ConfigError) as caught:
            open_sources([tmp_path / path])
        assert str(caught.value) == said


def test_a_log_whose_name_cannot_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "log" / "log.json").mkdir(parents=True)

    with pytest.raises(ConfigError, match=r"^the log in `log` cannot be read: "):
        open_sources([tmp_path / "log"])


def test_a_segment_that_disappears_is_an_error(tmp_path: Path, signer: Signer) -> None:
    """Half a log gives no report."""
    with diary(tmp_path / "log", signer):
        pass
    (source,) = open_sources([tmp_path / "log"])
    shutil.rmtree(tmp_path / "log" / "seg")

    with pytest.raises(AuditError):
        calls(source)


def test_a_record_that_is_no_object_is_named(tmp_path: Path, signer: Signer) -> None:
    """The log takes any bytes; a report reads objects."""
    with diary(tmp_path / "log", signer) as book:
        book.log.append(encode_record({"v": 1}))
        book.log.append(b"[]")
    (source,) = open_sources([tmp_path / "log"])

    with pytest.raises(VerificationError, match="record 2 of the log is not an object"):
        list(source.numbered())


def test_a_record_that_is_no_json_is_named(tmp_path: Path, signer: Signer) -> None:
    """Nor does it show what stands there instead."""
    with diary(tmp_path / "log", signer) as book:
        book.log.append(b"secret")
    (source,) = open_sources([tmp_path / "log"])

    with pytest.raises(VerificationError) as caught:
        list(source.numbered())
    assert "secret" not in str(caught.value)
