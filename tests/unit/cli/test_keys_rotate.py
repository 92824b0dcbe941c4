# SPDX-License-Identifier: Apache-2.0
"""``govshare keys rotate``: a log gets another key, and its auditors a new trust file."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govshare_policy.audit import AuditLog, FilePin, encode_record, load_trust, trust_text
from govshare_policy.crypto import generate_key, load_public_key, open_signer
from tests.unit.cli.conftest import Command, Done

ORIGIN = "qinglan/audit"
AT = datetime(2025, 9, 22, 2, tzinfo=UTC)
FIRST, SECOND = b"the first passphrase", b"the second passphrase"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A log with its pin, its trust file and two keys under two passphrases."""
    for name, passphrase in (("old", FIRST), ("new", SECOND)):
        public = generate_key(tmp_path / f"{name}.pem", passphrase)
        (tmp_path / f"{name}.pem.pub").write_bytes(public.to_pem())
        (tmp_path / f"{name}.passphrase").write_bytes(passphrase + b"\n")
    signer = open_signer(f"file:{tmp_path}/old.pem", FIRST)
    (tmp_path / "trust.toml").write_text(trust_text(ORIGIN, signer.public), "utf-8")
    pin = FilePin(path=tmp_path / "pin")
    with AuditLog.create(
        tmp_path / "log", origin=ORIGIN, signer=signer, now=lambda: AT, pin=pin, preallocate=1024
    ) as log:
        log.append(encode_record({"n": 1}))
    return tmp_path


def rotate(govshare: Command, place: Path, out: str = "trust-2.toml", *more: object) -> Done:
    return govshare(
        *("keys", "rotate", "--log", place / "log", "--pin", place / "pin"),
        *("--key", f"file:{place}/old.pem", "--passphrase-file", place / "old.passphrase"),
        *("--new", f"file:{place}/new.pem", "--new-passphrase-file", place / "new.passphrase"),
        *("--trust", place / "trust.toml", "--out", place / out, *more),
    )


def test_a_rotated_log_verifies_under_the_new_trust_file(govshare: Command, place: Path) -> None:
    done = rotate(govshare, place)

    assert (done.code, done.err, done.json["from_size"]) == (0, "", "3")
    policy = load_trust(place / "trust-2.toml")
    assert [(key.from_size, key.to_size) for key in policy.keys] == [(3, None), (0, 3)]
    assert done.json["fingerprint"] == f"sm3:{policy.keys[0].public.fingerprint.hex()}"
    for trust, code in (("trust-2.toml", 0), ("trust.toml", 0)):
        verified = govshare("audit", "verify", place / "log", "--trust", place / trust)
        assert verified.code == code, "the old file is good up to the rotation"
    assert FilePin(path=place / "pin").load().size == 3  # type: ignore[union-attr]


def test_a_rotation_that_was_cut_short_is_finished(govshare: Command, place: Path) -> None:
    """The new trust file is the same, and no record is added."""
    rotate(govshare, place)
    first = (place / "trust-2.toml").read_text("utf-8")
    checkpoint = (place / "log" / "checkpoint").read_bytes()

    done = rotate(govshare, place, "again.toml")

    assert done.code == 0
    assert (place / "again.toml").read_text("utf-8") == first
    assert (place / "log" / "checkpoint").read_bytes() == checkpoint


def test_every_pin_is_checked_and_moved(govshare: Command, place: Path) -> None:
    """A path and the name of a pin mean the same; one that is ahead refuses."""
    ahead = FilePin(path=place / "ahead")
    mark = FilePin(path=place / "pin").load()
    assert mark is not None
    ahead.advance(None, replace(mark, size=9))
    refused = rotate(govshare, place, "x.toml", "--pin", f"file:{ahead.path}")
    assert (refused.code, refused.out) == (1, "")
    assert "ends at size 2 but its pin is at 9" in refused.err

    done = rotate(govshare, place, "trust-2.toml", "--pin", f"file:{place}/other")

    assert done.code == 0
    assert FilePin(path=place / "other").load() == FilePin(path=place / "pin").load()
    wrong = rotate(govshare, place, "y.toml", "--pin", "command:sh")
    assert (wrong.code, wrong.out) == (2, "")


def test_nothing_happens_where_something_is_wrong(govshare: Command, place: Path) -> None:
    before = (place / "log" / "checkpoint").read_bytes()
    (place / "there.toml").write_text("")
    other = place / "other.toml"
    other.write_text(trust_text(ORIGIN, load_public_key(place / "new.pem.pub")), "utf-8")
    for done, code, says in (
        (rotate(govshare, place, "there.toml"), 2, "`there.toml` exists"),
        (rotate(govshare, place, "x.toml", "--trust", place / "none"), 2, "cannot be read"),
        (rotate(govshare, place, "x.toml", "--new", f"file:{place}/old.pem"), 2, ""),
        (rotate(govshare, place, "none/x.toml"), 2, "x.toml"),
        (rotate(govshare, place, "log/x.toml"), 2, "would lie in the log"),
        (rotate(govshare, place, "x.toml", "--trust", other), 2, "as the one in use"),
        (rotate(govshare, place, "x.toml", "--key", f"file:{place}/none.pem"), 2, "none.pem"),
    ):
        assert (done.code, done.out) == (code, "")
        assert says in done.err
    assert (place / "log" / "checkpoint").read_bytes() == before
    assert not list(place.glob("*x.toml*"))


def test_both_keys_may_share_a_passphrase(govshare: Command, place: Path) -> None:
    (place / "new.pem").unlink()
    generate_key(place / "new.pem", FIRST)

    done = govshare(
        *("keys", "rotate", "--log", place / "log", "--key", f"file:{place}/old.pem"),
        *("--passphrase-file", place / "old.passphrase", "--new", f"file:{place}/new.pem"),
        *("--trust", place / "trust.toml", "--out", place / "trust-2.toml"),
    )

    assert done.code == 0
