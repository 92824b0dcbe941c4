# SPDX-License-Identifier: Apache-2.0
"""What the real `openssl` command makes we read, and it reads what we make."""

from collections.abc import Callable
from pathlib import Path

import pytest

from govshare_policy import crypto
from govshare_policy.errors import ConfigError

Openssl = Callable[..., None]

PASSPHRASE = b"correct horse"
PASS = f"pass:{PASSPHRASE.decode()}"
ID = f"distid:{crypto.DEFAULT_ID.decode()}"
MESSAGE = "政务数据共享\n".encode()


def test_openssl_reads_the_keys_and_signatures_we_make(openssl: Openssl, tmp_path: Path) -> None:
    key, public, sig, message = (tmp_path / name for name in ("k.pem", "p.pem", "s.der", "m.bin"))
    ours = crypto.generate_key(key, PASSPHRASE)
    signer = crypto.open_signer(f"file:{key}", PASSPHRASE)
    message.write_bytes(MESSAGE)
    sig.write_bytes(signer.sign(MESSAGE, signer_id=crypto.DEFAULT_ID))

    openssl("pkey", "-in", key, "-passin", PASS, "-check", "-pubout", "-out", public)
    assert crypto.PublicKey.from_pem(_last_block(public)) == ours
    public.write_bytes(ours.to_pem())
    openssl("dgst", "-sm3", "-verify", public, "-sigopt", ID, "-signature", sig, message)


ENCRYPTIONS = {
    "SM4": ("-v2", "sm4-cbc"),
    "AES": ("-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256", "-iter", "10000"),
}


@pytest.mark.parametrize("options", ENCRYPTIONS.values(), ids=ENCRYPTIONS)
def test_we_read_the_keys_and_signatures_openssl_makes(
    options: tuple[str, ...], openssl: Openssl, tmp_path: Path
) -> None:
    plain, key, public, sig, message = (
        tmp_path / name for name in ("plain.pem", "k.pem", "p.pem", "s.der", "m.bin")
    )
    message.write_bytes(MESSAGE)
    openssl("genpkey", "-algorithm", "SM2", "-out", plain)
    openssl("pkcs8", "-topk8", "-in", plain, *options, "-out", key, "-passout", PASS)
    openssl("pkey", "-in", plain, "-pubout", "-out", public)
    openssl("dgst", "-sm3", "-sign", plain, "-sigopt", ID, "-out", sig, message)

    theirs = crypto.load_public_key(public)
    crypto.verify(theirs, MESSAGE, sig.read_bytes(), signer_id=crypto.DEFAULT_ID)
    assert crypto.open_signer(f"file:{key}", PASSPHRASE).public == theirs
    with pytest.raises(ConfigError, match="not an `ENCRYPTED PRIVATE KEY`"):
        crypto.open_signer(f"file:{plain}", PASSPHRASE)


def test_openssl_refuses_our_signature_under_another_id(openssl: Openssl, tmp_path: Path) -> None:
    """So that the test above shows more than that the command succeeds."""
    key, public, sig, message = (tmp_path / name for name in ("k.pem", "p.pem", "s.der", "m.bin"))
    public.write_bytes(crypto.generate_key(key, PASSPHRASE).to_pem())
    message.write_bytes(MESSAGE)
    signer = crypto.open_signer(f"file:{key}", PASSPHRASE)
    sig.write_bytes(signer.sign(MESSAGE, signer_id=b"another id"))

    with pytest.raises(AssertionError):
        openssl("dgst", "-sm3", "-verify", public, "-sigopt", ID, "-signature", sig, message)


def _last_block(path: Path) -> bytes:
    """What the command wrote last; `-check` may write a line before it."""
    text = path.read_bytes()
    return text[text.rindex(b"-----BEGIN") :]
