# SPDX-License-Identifier: Apache-2.0
"""Trust files say exactly what they say, or nothing."""

from pathlib import Path

import pytest

from govshare_policy.audit import (
    TrustKey,
    TrustPolicy,
    format_trust,
    load_trust,
    parse_trust,
    trust_text,
)
from govshare_policy.crypto import Signer
from govshare_policy.errors import ConfigError, VerificationError

ORIGIN = 'audit.example/"one"\\'


def test_a_written_trust_file_is_read_back(signer: Signer, tmp_path: Path) -> None:
    """Whatever characters a name may have."""
    path = tmp_path / "trust.toml"
    path.write_text(trust_text(ORIGIN, signer.public))

    key = TrustKey(name=ORIGIN, public=signer.public)
    assert load_trust(path) == TrustPolicy(origin=ORIGIN, keys=(key,))
    assert signer.public.fingerprint.hex() in path.read_text()


def test_several_keys_may_have_ranges(signer: Signer, other_signer: Signer) -> None:
    """A rotated key ends where the next one begins."""
    old = trust_text("one", signer.public).replace("from = 0", "from = 0\nto = 10")
    new = trust_text("one", other_signer.public).replace("from = 0", "from = 10")

    policy = parse_trust(old + new[new.index("[[key]]") :])

    assert [(key.from_size, key.to_size) for key in policy.keys] == [(0, 10), (10, None)]


def test_whatever_a_policy_says_is_read_back(signer: Signer, other_signer: Signer) -> None:
    """Ranges, revocation and witnesses too."""
    old = TrustKey(name="one", public=signer.public, to_size=9, revoked_after=7)
    witness = TrustKey(name="w", public=other_signer.public, from_size=3, revoked_after=8)
    for policy in (
        TrustPolicy(origin="one", keys=(old,)),
        TrustPolicy(origin="one", keys=(old,), witnesses=(witness,), required=1),
    ):
        assert parse_trust(format_trust(policy)) == policy


CHANGES = {
    "not toml": ("[[key]]", "[[key", "not toml"),
    "another format": ("trust/v1", "trust/v2", "format"),
    "no origin": ('origin = "one"\n', "", "origin"),
    "an origin that is no text": ('origin = "one"', "origin = 1", "text"),
    "an origin with a space": ('origin = "one"', 'origin = "o ne"', "visible ascii"),
    "a condition that we do not know": ("[[key]]", "quorum = 2\n[[key]]", "only"),
    "a table that we do not know": ("[[key]]", "[witness]\n[[key]]", "only"),
    "one key that is no list": ("[[key]]", "[key]", "table"),
    "a key that is no table": ("[[key]]", "key = [1]\n[rest]", "only"),
    "a key with more": ("from = 0", "from = 0\nuntil = 3", "perhaps to"),
    "a key without a start": ("from = 0\n", "", "perhaps to"),
    "a name that is no text": ('name = "one"', "name = 1", "texts"),
    "a name with a plus": ('name = "one"', 'name = "+"', "visible ascii"),
    "a start that is a text": ("from = 0", 'from = "0"', "numbers"),
    "a start that is a truth": ("from = 0", "from = true", "numbers"),
    "an end that is a fraction": ("from = 0", "from = 0\nto = 1.5", "numbers"),
    "a negative start": ("from = 0", "from = -1", "not a range"),
    "an end before the start": ("from = 0", "from = 2\nto = 1", "not a range"),
    "a revocation that is a text": ("from = 0", 'from = 0\nrevoked_after = "1"', "numbers"),
    "a revocation before all sizes": ("from = 0", "from = 0\nrevoked_after = -1", "0 or more"),
    "witnesses that nobody names": ("[[key]]", "[witnesses]\nrequired = 1\n[[key]]", "only"),
    "another algorithm": (
        "MFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0D",
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD",
        "key",
    ),
}


@pytest.mark.parametrize(("old", "new", "says"), CHANGES.values(), ids=CHANGES)
def test_what_is_not_understood_is_refused(signer: Signer, old: str, new: str, says: str) -> None:
    """A condition that is skipped is a condition that is not kept."""
    text = trust_text("one", signer.public)
    assert old in text

    with pytest.raises(ConfigError, match=says):
        parse_trust(text.replace(old, new, 1))


def test_a_policy_without_keys_is_none() -> None:
    """Emptiness trusts nobody, and says so at load."""
    with pytest.raises(ConfigError, match="at least one key"):
        parse_trust('format = "govshare-trust/v1"\norigin = "one"\nkey = []\n')
    with pytest.raises(ConfigError, match=r"\[\[key\]\]"):
        parse_trust('format = "govshare-trust/v1"\norigin = "one"\nkey = [1]\n')


WRONG_FILES = {
    "missing": (None, "the trust file `x.toml` cannot be read: no such file or directory"),
    "not utf-8": (b"\xff", "`x.toml` is not a trust file: it is no text"),
    "a key": (
        b"-----BEGIN PUBLIC KEY-----\n",
        (
            "`x.toml` is not a trust file but a key or certificate; a trust file names the log "
            "beside its key, as `trust.toml` does"
        ),
    ),
    "another configuration": (
        b'profile = "hubei"\n',
        (
            "`x.toml`: a trust file has format = `govshare-trust/v1`, origin and [[key]] tables, "
            "perhaps [witnesses] and [[witness]] tables, and these only"
        ),
    ),
}


@pytest.mark.parametrize(("content", "said"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_file_that_is_no_trust_file_is_named(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    """By its name alone, for several may be given; and told for what it is."""
    path = tmp_path / "x.toml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        load_trust(path)
    assert str(caught.value) == said


def test_a_trust_file_is_not_written_for_a_bad_name(signer: Signer) -> None:
    """The same rule as for reading."""
    with pytest.raises(VerificationError, match="visible ascii"):
        trust_text("two words", signer.public)
