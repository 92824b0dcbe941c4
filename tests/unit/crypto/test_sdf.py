# SPDX-License-Identifier: Apache-2.0
"""Keys in devices: a shim in C makes the calls of GM/T 0018 real, and misbehaves on demand."""

import ctypes
import gc
import os
import shutil
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govshare_policy.audit import AuditLog, encode_record, parse_trust, trust_text, verify_log
from govshare_policy.crypto import DEFAULT_ID, PublicKey, Signer, open_signer, verify
from govshare_policy.crypto._known import KNOWN_PUBLIC
from govshare_policy.crypto._sdf import SdfUri
from govshare_policy.errors import AuditError, ConfigError

SOURCE = Path(__file__).with_name("sdf_device.c")
PIN = b"12345678"
MESSAGE = b"audit.example/one\n"


def build(directory: Path, *, width: int) -> Path:
    """Compile the shim; a copy each, because a library keeps its state as long as it is loaded."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.fail("these tests build a device in C: install `gcc` and `libssl-dev`")
    library = directory / f"device{width}.so"
    flags = ["-shared", "-fPIC", f"-DWIDTH={width}"]
    command = [compiler, *flags, "-o", str(library), str(SOURCE), "-lcrypto"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"install `libssl-dev`; the compiler says: {done.stderr}"
    return library


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wide"), width=64)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("narrow"), width=32)


def opened(library: Path) -> int:
    """Return how many devices, sessions and access rights are open, a hexadecimal digit each."""
    gc.collect()
    return int(ctypes.CDLL(str(library)).sdf_device_open())


def sign_once(signer: Signer) -> PublicKey:
    signature = signer.sign(MESSAGE, signer_id=DEFAULT_ID)
    verify(signer.public, MESSAGE, signature, signer_id=DEFAULT_ID)
    return signer.public


def test_a_device_signs_what_everybody_can_verify(wide: Path) -> None:
    assert sign_once(open_signer(f"sdf:{wide}?key=1", PIN)) == KNOWN_PUBLIC


def test_the_narrow_structures_of_some_makers_are_understood(narrow: Path) -> None:
    assert sign_once(open_signer(f"sdf:{narrow}?key=1&width=32", PIN)) == KNOWN_PUBLIC


def test_structures_of_the_wrong_width_are_noticed(wide: Path) -> None:
    # The wide public key does not fit into the narrow structure; the shim writes past its end,
    # so the reader is asked the other way round: a narrow one read as wide.
    directory = wide.parent / "mixed"
    directory.mkdir()
    library = build(directory, width=32)
    with pytest.raises(ConfigError, match=r"no SM2 key of 256 bits|on the curve"):
        open_signer(f"sdf:{library}?key=1", PIN)
    assert opened(library) == 0


def test_everything_is_given_back_when_the_key_is_no_longer_used(wide: Path) -> None:
    before = opened(wide)
    signer = open_signer(f"sdf:{wide}?key=1", PIN)
    assert opened(wide) == before + 0x111
    del signer
    assert opened(wide) == before


def test_a_hundred_failed_openings_leave_nothing_open(wide: Path) -> None:
    before = opened(wide)
    for _ in range(100):
        with pytest.raises(ConfigError):
            open_signer(f"sdf:{wide}?key=1", b"00000000")
    assert opened(wide) == before


REFUSED = {
    "absent": "did not open (code 0x01000004)",
    "busy": "did not open a session (code 0x01000004)",
    "off the curve": "the SM2 public key is not on the curve",
    "other curve": "the key in the device is no SM2 key of 256 bits",
}


@pytest.mark.parametrize(("mode", "said"), REFUSED.items(), ids=list(REFUSED))
def test_a_device_that_does_not_open_says_why(
    mode: str, said: str, wide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = opened(wide)
    monkeypatch.setenv("SDF_DEVICE", mode)
    with pytest.raises(ConfigError) as caught:
        open_signer(f"sdf:{wide}?key=1", PIN)
    assert said in str(caught.value)
    assert opened(wide) == before


def test_a_wrong_access_code_is_refused_and_never_repeated(wide: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        open_signer(f"sdf:{wide}?key=1", b"secret-code")
    assert str(caught.value) == (
        "the cryptographic device did not give access to the private key (code 0x01000007)"
    )


def test_a_key_that_the_device_does_not_hold_is_refused(wide: Path) -> None:
    with pytest.raises(ConfigError, match="0x01000008"):
        open_signer(f"sdf:{wide}?key=2", PIN)


NOT_VERIFYING = ("wrong", "other key")


@pytest.mark.parametrize("mode", NOT_VERIFYING)
def test_a_signature_that_does_not_verify_stays_in(
    mode: str, wide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = None
    if mode == "other key":
        monkeypatch.setenv("SDF_DEVICE", mode)  # it shows one key and signs with another
        signer = open_signer(f"sdf:{wide}?key=1", PIN)
        monkeypatch.delenv("SDF_DEVICE")
    else:
        signer = open_signer(f"sdf:{wide}?key=1", PIN)
        monkeypatch.setenv("SDF_DEVICE", mode)
    with pytest.raises(ConfigError, match="made a signature that does not verify"):
        signer.sign(MESSAGE, signer_id=DEFAULT_ID)


def test_a_signature_out_of_range_stays_in(wide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = open_signer(f"sdf:{wide}?key=1", PIN)
    monkeypatch.setenv("SDF_DEVICE", "zero")
    with pytest.raises(ConfigError, match="does not verify"):
        signer.sign(MESSAGE, signer_id=DEFAULT_ID)


def test_a_device_that_failed_once_is_not_asked_again(
    wide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = open_signer(f"sdf:{wide}?key=1", PIN)
    monkeypatch.setenv("SDF_DEVICE", "fails")
    with pytest.raises(ConfigError, match=r"did not sign \(code 0x01000004\)"):
        signer.sign(MESSAGE, signer_id=DEFAULT_ID)
    monkeypatch.delenv("SDF_DEVICE")
    with pytest.raises(ConfigError, match="failed before"):
        signer.sign(MESSAGE, signer_id=DEFAULT_ID)


def test_threads_take_turns_at_a_slow_device(wide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = open_signer(f"sdf:{wide}?key=1", PIN)
    monkeypatch.setenv("SDF_DEVICE", "slow")
    signed: list[PublicKey] = []
    threads = [threading.Thread(target=lambda: signed.append(sign_once(signer))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
    assert signed == [KNOWN_PUBLIC] * 3


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_the_child_of_a_fork_cannot_use_the_parents_session(wide: Path) -> None:
    signer = open_signer(f"sdf:{wide}?key=1", PIN)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        try:
            signer.sign(MESSAGE, signer_id=DEFAULT_ID)
        except ConfigError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    assert b"opened by the parent process" in os.read(reading, 200)
    os.close(reading)
    sign_once(signer)


def test_an_empty_access_code_is_refused(wide: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be empty"):
        open_signer(f"sdf:{wide}?key=1", b"")


def test_a_library_without_the_calls_is_refused(tmp_path: Path) -> None:
    not_one = tmp_path / "text.so"
    not_one.write_text("no library")
    for library in (not_one, tmp_path / "nowhere.so"):
        with pytest.raises(ConfigError, match="is no library of GM/T 0018"):
            open_signer(f"sdf:{library}?key=1", PIN)
    with pytest.raises(ConfigError, match="is no library of GM/T 0018"):
        open_signer("sdf:/lib/x86_64-linux-gnu/libc.so.6?key=1", PIN)


def test_a_log_stops_for_good_when_its_device_fails(
    wide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = open_signer(f"sdf:{wide}?key=1", PIN)
    record = encode_record({"v": 1, "phase": "decision"})
    now = datetime.now(UTC)
    with AuditLog.create(
        tmp_path / "log", origin="audit.example/device", signer=signer, now=lambda: now
    ) as log:
        log.append(record)
        monkeypatch.setenv("SDF_DEVICE", "fails")
        with pytest.raises(AuditError, match="the cryptographic device did not sign"):
            log.append(record)
        monkeypatch.delenv("SDF_DEVICE")
        with pytest.raises(AuditError):
            log.append(record)
    trust = parse_trust(trust_text("audit.example/device", KNOWN_PUBLIC))
    assert verify_log(tmp_path / "log", trust).size == 2  # the genesis record, and the one


MALFORMED = [
    "sdf:",
    "sdf:/a.so",
    "sdf:a.so?key=1",
    "sdf:/a.so?key=",
    "sdf:/a.so?key=0",
    "sdf:/a.so?key=65536",
    "sdf:/a.so?key=-1",
    "sdf:/a.so?key=1&key=2",
    "sdf:/a.so?key=1&width=16",
    "sdf:/a.so?key=1&pin=1234",
    "sdf:/a.so?key=１",
]


@pytest.mark.parametrize("uri", MALFORMED)
def test_another_spelling_of_the_name_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError):
        SdfUri.parse(uri)


def test_the_name_says_library_key_and_width() -> None:
    named = SdfUri.parse("sdf:/opt/maker/libsdf.so?key=3&width=32")
    assert (str(named.library), named.key, named.width) == ("/opt/maker/libsdf.so", 3, 32)
