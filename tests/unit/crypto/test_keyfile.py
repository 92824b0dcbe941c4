# SPDX-License-Identifier: Apache-2.0
import errno
import os
import stat
from pathlib import Path

import pytest

from govshare_policy import crypto
from govshare_policy.crypto import _keyfile
from govshare_policy.crypto._der import OCTET_STRING, SEQUENCE, encode
from govshare_policy.crypto._known import KNOWN_PUBLIC, KNOWN_SECRET
from govshare_policy.crypto._pem import format_pem
from govshare_policy.crypto._pkcs8 import encrypt_key, private_key_info
from govshare_policy.errors import ConfigError

PASSPHRASE = b"correct horse"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The standard's key as a file."""
    path = tmp_path_factory.mktemp("keys") / "known.pem"
    der = encrypt_key(KNOWN_SECRET, KNOWN_PUBLIC.point, PASSPHRASE)
    path.write_bytes(format_pem("ENCRYPTED PRIVATE KEY", der))
    path.chmod(0o600)
    return path


def test_a_generated_key_signs_and_its_signature_verifies(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"

    public = crypto.generate_key(path, PASSPHRASE)
    signer = crypto.open_signer(f"file:{path}", PASSPHRASE)
    signature = signer.sign(b"m", signer_id=crypto.DEFAULT_ID)

    assert signer.public == public
    crypto.verify(public, b"m", signature, signer_id=crypto.DEFAULT_ID)


def test_no_two_generated_keys_are_the_same(tmp_path: Path) -> None:
    first = crypto.generate_key(tmp_path / "first.pem", PASSPHRASE)

    assert first != crypto.generate_key(tmp_path / "second.pem", PASSPHRASE)


def test_a_key_file_is_for_its_owner_and_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    crypto.generate_key(path, PASSPHRASE)
    text = path.read_bytes()

    with pytest.raises(ConfigError, match=r"key\.pem`: file exists$"):
        crypto.generate_key(path, PASSPHRASE)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == text


def test_a_key_file_does_not_follow_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.pem").symlink_to(tmp_path / "elsewhere.pem")

    with pytest.raises(ConfigError):
        crypto.generate_key(tmp_path / "link.pem", PASSPHRASE)

    assert not (tmp_path / "elsewhere.pem").exists()


@pytest.mark.parametrize("syncs", [0, 1])
def test_a_key_file_that_is_not_on_the_disk_is_not_left_behind(
    syncs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither when the file does not reach the disk, nor when its name does not."""
    real = os.fsync
    done: list[int] = []

    def full(descriptor: int) -> None:
        if len(done) == syncs:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(ConfigError, match=r"no space left on device$"):
        crypto.generate_key(tmp_path / "key.pem", PASSPHRASE)

    assert list(tmp_path.iterdir()) == []


def test_a_key_file_in_no_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent/key\.pem`: no such file or directory$"):
        crypto.generate_key(tmp_path / "absent" / "key.pem", PASSPHRASE)


def test_a_key_is_never_kept_without_a_passphrase(key: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be empty"):
        crypto.generate_key(tmp_path / "key.pem", b"")
    with pytest.raises(ConfigError, match="cannot be empty"):
        crypto.open_signer(f"file:{key}", b"")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uri", ["", "key.pem", "/etc/key.pem", "pkcs11:token=a", "FILE:key.pem"])
def test_another_scheme_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match="is named `file:PATH`"):
        crypto.open_signer(uri, PASSPHRASE)


def test_a_wrong_passphrase_is_not_shown(key: Path) -> None:
    with pytest.raises(ConfigError, match="the passphrase is wrong") as caught:
        crypto.open_signer(f"file:{key}", b"battery staple")

    assert "battery" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert str(key) in str(caught.value)


UNUSABLE = {
    "unencrypted": (
        format_pem("PRIVATE KEY", private_key_info(KNOWN_SECRET)),
        "not an `ENCRYPTED PRIVATE KEY`",
    ),
    "unencrypted, in the old form": (
        format_pem("EC PRIVATE KEY", private_key_info(KNOWN_SECRET)),
        "not an `ENCRYPTED PRIVATE KEY`",
    ),
    "unencrypted under the wrong label": (
        format_pem("ENCRYPTED PRIVATE KEY", private_key_info(KNOWN_SECRET)),
        "not PKCS#8 encrypted",
    ),
    "a public key": (KNOWN_PUBLIC.to_pem(), "not an `ENCRYPTED PRIVATE KEY`"),
    "not ASN.1": (
        format_pem("ENCRYPTED PRIVATE KEY", encode(SEQUENCE, encode(OCTET_STRING))),
        "not PKCS#8 encrypted",
    ),
    "no PEM": (b"\0\1\2", "exactly one PEM block"),
    "empty": (b"", "exactly one PEM block"),
    "endless": (b"\n" * 65_537, "longer than 65536 bytes"),
}


@pytest.mark.parametrize(("text", "because"), UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_key_file_is_named(text: bytes, because: str, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(text)
    path.chmod(0o600)

    with pytest.raises(ConfigError, match=because) as caught:
        crypto.open_signer(f"file:{path}", PASSPHRASE)

    message = str(caught.value)
    assert message.startswith(f"cannot use the key file `{path}`: ")
    assert f"{KNOWN_SECRET:x}" not in message


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_file_that_is_open_to_others_is_refused(mode: int, tmp_path: Path) -> None:
    """Encrypted or not: who has a copy can try passphrases at leisure."""
    path = tmp_path / "key.pem"
    crypto.generate_key(path, PASSPHRASE)
    path.chmod(mode)

    with pytest.raises(ConfigError, match=r"open to others than its owner; chmod 600 it$"):
        crypto.open_signer(f"file:{path}", PASSPHRASE)


def test_a_public_key_file_may_be_open_to_all(tmp_path: Path) -> None:
    path = tmp_path / "public.pem"
    path.write_bytes(KNOWN_PUBLIC.to_pem())
    path.chmod(0o644)

    assert crypto.load_public_key(path) == KNOWN_PUBLIC


@pytest.mark.parametrize("name", ["absent.pem", "."])
def test_a_key_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot use the key file"):
        crypto.open_signer(f"file:{tmp_path / name}", PASSPHRASE)
    with pytest.raises(ConfigError, match="cannot use the key file"):
        crypto.load_public_key(tmp_path / name)


def test_a_key_file_with_another_public_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    der = encrypt_key(KNOWN_SECRET - 1, KNOWN_PUBLIC.point, PASSPHRASE)
    path.write_bytes(format_pem("ENCRYPTED PRIVATE KEY", der))
    path.chmod(0o600)

    with pytest.raises(ConfigError, match=r"is not its own$"):
        crypto.open_signer(f"file:{path}", PASSPHRASE)


def test_a_public_key_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "public.pem"
    path.write_bytes(KNOWN_PUBLIC.to_pem())

    assert crypto.load_public_key(path) == KNOWN_PUBLIC


def test_a_host_that_cannot_sign_says_so_before_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> object:
        raise ConfigError("nothing on this host can sign")

    monkeypatch.setattr(_keyfile, "chosen_signer", none)

    with pytest.raises(ConfigError):
        crypto.generate_key(tmp_path / "key.pem", PASSPHRASE)

    assert list(tmp_path.iterdir()) == []
