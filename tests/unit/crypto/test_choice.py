# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from govshare_policy.crypto import _choice, provider_name
from govshare_policy.crypto._choice import (
    choose,
    chosen_signer,
    chosen_verifier,
    probe_signer,
    probe_verifier,
    required,
)
from govshare_policy.crypto._libcrypto import Libcrypto, LibcryptoKey, open_libcrypto
from govshare_policy.crypto._provider import Verifier
from govshare_policy.crypto._public import PublicKey
from govshare_policy.crypto._pure import Pure, open_pure
from govshare_policy.crypto._signature import Signature
from govshare_policy.errors import ConfigError, SignatureError


class AcceptsAll(Pure):
    def verify(
        self, public: PublicKey, message: bytes, signature: Signature, *, signer_id: bytes
    ) -> None:
        pass


class RefusesAll(Pure):
    def verify(
        self, public: PublicKey, message: bytes, signature: Signature, *, signer_id: bytes
    ) -> None:
        raise SignatureError("the signature was not made by this key over these bytes")


def without_library() -> Verifier:
    raise ConfigError("it is not installed")


class OffByOne(Libcrypto):
    """Loads another key than it is given."""

    def load_key(self, secret: int) -> LibcryptoKey:
        return super().load_key(secret + 1)


@pytest.mark.parametrize(
    ("opener", "because"),
    [
        (AcceptsAll, "accepts a signature over another message"),
        (RefusesAll, "refuses the standard's own signature"),
        (without_library, "not installed"),
    ],
)
def test_a_provider_that_fails_the_known_answers_is_passed_over(
    opener: Callable[[], Verifier], because: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger=_choice.__name__):
        chosen = choose((opener, open_pure), probe=probe_verifier)

    assert type(chosen) is Pure
    assert [because in record.getMessage() for record in caplog.records] == [True]


def test_a_provider_that_derives_other_keys_does_not_sign() -> None:
    provider = OffByOne(open_libcrypto()._library)

    with pytest.raises(ConfigError, match="another public key than the standard"):
        probe_signer(provider)


def test_a_good_provider_passes() -> None:
    probe_signer(open_libcrypto())
    probe_verifier(Pure())


def test_nothing_to_choose_from_is_an_error_when_it_is_needed() -> None:
    nothing = choose((without_library, RefusesAll), probe=probe_verifier)

    assert nothing is None
    with pytest.raises(ConfigError, match="nothing on this host can verify with SM2"):
        required(nothing, what="verify")


def test_libcrypto_is_chosen_where_it_works() -> None:
    assert (provider_name(), chosen_verifier().name, chosen_signer().name) == ("libcrypto",) * 3


# Each host lacks something before this package is imported.
WITHOUT_LIBCRYPTO = """
import ctypes
def absent(name, *_, **__):
    raise OSError(name)
ctypes.CDLL = absent
"""
WITHOUT_GMSSL = """
import sys
sys.modules["gmssl"] = None
"""
USE = """
import pathlib, tempfile
from govshare_policy import crypto
from govshare_policy.crypto import _known as known
from govshare_policy.errors import GovshareError
print(crypto.provider_name())
crypto.verify(
    known.KNOWN_PUBLIC, known.KNOWN_MESSAGE, known.KNOWN_SIGNATURE, signer_id=known.KNOWN_ID
)
try:
    crypto.verify(known.KNOWN_PUBLIC, b"", known.KNOWN_SIGNATURE, signer_id=known.KNOWN_ID)
except GovshareError as error:
    print(error)
path = pathlib.Path(tempfile.mkdtemp()) / "key.pem"
try:
    crypto.generate_key(path, b"p")
    print(len(crypto.open_signer(f"file:{path}", b"p").sign(b"m", signer_id=b"i")) > 8)
except GovshareError as error:
    print(error)
"""
ADVICE = (
    "nothing on this host can sign with SM2: install OpenSSL 3 with SM2 enabled, or the "
    "`gmssl` extra"
)
REFUSAL = "the signature was not made by this key over these bytes"
HOSTS = {
    "with everything": ("", ["libcrypto", REFUSAL, "True"]),
    "without libcrypto": (WITHOUT_LIBCRYPTO, ["gmssl", REFUSAL, "True"]),
    "without gmssl": (WITHOUT_GMSSL, ["libcrypto", REFUSAL, "True"]),
    "with neither": (WITHOUT_LIBCRYPTO + WITHOUT_GMSSL, ["pure", REFUSAL, ADVICE]),
}


@pytest.mark.parametrize(("lacking", "said"), HOSTS.values(), ids=HOSTS)
def test_every_host_verifies_and_says_who_signs(lacking: str, said: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", lacking + USE],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p or "." for p in sys.path)},
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == said
