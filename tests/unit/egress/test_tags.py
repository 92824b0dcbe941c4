# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from govshare_policy.crypto import hmac_sm3
from govshare_policy.egress.keys import DepartmentKey, add_epoch, generate_keys, load_keys
from govshare_policy.egress.tags import Mac, Tagger
from govshare_policy.errors import ConfigError
from tests.unit.egress.egress_world import KEY

OTHER = DepartmentKey(epoch=2, secret=bytes(32))


def test_a_tag_is_the_beginning_of_an_hmac_over_the_value() -> None:
    values = ["", "王小明", "a" * 200]
    wanted = [int.from_bytes(hmac_sm3(KEY.derive("tag"), value.encode())[:8]) for value in values]
    assert Tagger(KEY).tags(values).tolist() == wanted
    assert Mac.of(b"key").digest(b"a", b"b") == hmac_sm3(b"key", b"ab")


def test_both_hashes_hang_on_the_key() -> None:
    one, other = Tagger(KEY), Tagger(OTHER)
    assert one.tags(["x"]) != other.tags(["x"])
    assert one.quick(["x"]) != other.quick(["x"])
    assert one.quick(["x"]).dtype == one.tags([]).dtype == np.uint64


def test_a_lone_surrogate_has_a_tag() -> None:
    assert Tagger(KEY).tags(["\ud800"]).size == Tagger(KEY).quick(["\ud800"]).size == 1


def test_a_key_shows_nothing_of_itself() -> None:
    assert KEY.secret.hex() not in repr(KEY)
    assert "secret" not in repr(KEY)
    assert "\\x" not in repr(KEY)


def test_a_key_file_keeps_its_epochs(tmp_path: Path) -> None:
    path = tmp_path / "key"
    first = generate_keys(path)
    second = add_epoch(path)
    assert load_keys(path) == (first, second)
    assert (first.epoch, second.epoch) == (1, 2)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    generate_keys(tmp_path / "key")
    with pytest.raises(ConfigError, match="cannot write the key file"):
        generate_keys(tmp_path / "key")


def test_a_key_file_open_to_others_is_refused(tmp_path: Path) -> None:
    generate_keys(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(ConfigError, match="open to others"):
        load_keys(tmp_path / "key")


@pytest.mark.parametrize(
    "text",
    ["", "govshare-egress-key-v1\n", "other\n1 " + "0" * 64, "govshare-egress-key-v1\n1 00",
     "govshare-egress-key-v1\n2 " + "0" * 64 + "\n1 " + "1" * 64,
     "govshare-egress-key-v1\n1 " + "0" * 64 + "\n2 " + "0" * 64],
    ids=["empty", "no key", "other file", "short", "unsorted", "twice the same"],
)  # fmt: skip
def test_what_is_no_key_file_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        load_keys(path)
    assert "00000000" not in str(caught.value)


def test_a_key_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the key file"):
        load_keys(tmp_path / "key")
