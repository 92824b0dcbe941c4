# SPDX-License-Identifier: Apache-2.0
"""An older revocation list does not come back with a restart, nor in another process."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509

from govshare_policy.errors import AuditError, ConfigError
from govshare_sidecar.revocation import RevocationLists, load_lists
from govshare_sidecar.seen_lists import SeenLists
from tests.e2e.lists import crl, write
from tests.e2e.pki import NOW, Authority

DAY: Final = timedelta(days=1)
OLDER: Final = "is older than the one in force before"
# What the standard allows: twenty octets.
LARGEST: Final = 2**159 - 1
Load = Callable[..., RevocationLists]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def load(authority: Authority, tmp_path: Path) -> Load:
    def loaded(start: datetime = NOW, number: int | None = None) -> RevocationLists:
        def numbered(
            builder: x509.CertificateRevocationListBuilder,
        ) -> x509.CertificateRevocationListBuilder:
            if number is None:
                return builder
            return builder.add_extension(x509.CRLNumber(number), critical=False)

        made = crl(authority, start=start, changed=numbered)
        return load_lists((write(tmp_path / "x.crl", made),), [authority.certificate])

    return loaded


def test_a_list_that_was_in_force_is_the_oldest_that_counts(tmp_path: Path, load: Load) -> None:
    """Also for the process that comes after, which has another object over the same file."""
    path = tmp_path / "seen.sqlite"
    SeenLists(path).take("tls", load(NOW))
    SeenLists(path).take("tls", load(NOW))

    with pytest.raises(ConfigError, match=OLDER) as caught:
        SeenLists(path).take("tls", load(NOW - DAY))
    for part in (f"`tls.crl`, made on {NOW - DAY:%F}", f"made on {NOW:%F}", "move `seen.sqlite`"):
        assert part in str(caught.value)

    SeenLists(path).take("tls", load(NOW + DAY))
    with pytest.raises(ConfigError, match=OLDER):
        SeenLists(path).take("tls", load(NOW))


@pytest.mark.parametrize(("before", "after"), [(5, 4), (LARGEST, LARGEST - 1), (10, 9)])
def test_a_lower_number_is_older_whatever_its_date(
    tmp_path: Path, load: Load, before: int, after: int
) -> None:
    seen = SeenLists(tmp_path / "seen.sqlite")
    seen.take("tls", load(NOW, before))
    for start in (NOW, NOW + DAY):
        with pytest.raises(ConfigError, match=OLDER):
            seen.take("tls", load(start, after))
    seen.take("tls", load(NOW + DAY, before))


def test_an_earlier_date_is_older_whatever_its_number(tmp_path: Path, load: Load) -> None:
    seen = SeenLists(tmp_path / "seen.sqlite")
    seen.take("tls", load(NOW, 4))
    for number in (5, None):
        with pytest.raises(ConfigError, match=OLDER):
            seen.take("tls", load(NOW - DAY, number))


def test_without_a_number_the_date_tells(tmp_path: Path, load: Load) -> None:
    seen = SeenLists(tmp_path / "seen.sqlite")
    for lists in (load(NOW, 4), load(NOW), load(NOW, 3)):
        seen.take("tls", lists)


def test_nothing_of_a_refused_file_is_remembered(tmp_path: Path) -> None:
    """Of two authorities one went on and one went back: the first may still be put right."""
    one, two = Authority(tmp_path, "one"), Authority(tmp_path / "other", "two")

    def both(first: datetime, second: datetime) -> RevocationLists:
        path = write(tmp_path / "x.crl", crl(one, start=first), crl(two, start=second))
        return load_lists((path,), [one.certificate, two.certificate])

    seen = SeenLists(tmp_path / "seen.sqlite")
    seen.take("tls", both(NOW, NOW))
    with pytest.raises(ConfigError, match=OLDER):
        seen.take("tls", both(NOW + DAY, NOW - DAY))
    seen.take("tls", both(NOW, NOW))


def test_two_tables_may_be_fed_at_different_times(tmp_path: Path, load: Load) -> None:
    seen = SeenLists(tmp_path / "seen.sqlite")
    seen.take("tls", load(NOW))
    seen.take("front_end", load(NOW - DAY))
    with pytest.raises(ConfigError, match=r"`front_end\.crl`"):
        seen.take("front_end", load(NOW - 2 * DAY))


def test_the_file_is_its_owners_and_lies_where_there_was_no_directory(
    tmp_path: Path, load: Load
) -> None:
    path = tmp_path / "audit" / "seen.sqlite"
    SeenLists(path).take("tls", load())
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_memory_is_not_an_empty_one(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "seen.sqlite"
    path.write_bytes(b"something else, and more of it than a header " * 100)
    for seen in (SeenLists(path), SeenLists(path, is_writing=False)):
        with pytest.raises(AuditError, match=r"`seen\.sqlite` cannot be used"):
            seen.take("tls", load())


def test_a_trial_asks_and_leaves_nothing_behind(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "seen.sqlite"
    trial = SeenLists(path, is_writing=False)
    trial.take("tls", load(NOW))
    assert not path.exists()

    SeenLists(path).take("tls", load(NOW))
    before = path.read_bytes()
    trial.take("tls", load(NOW + DAY))
    with pytest.raises(ConfigError, match=OLDER):
        trial.take("tls", load(NOW - DAY))
    assert path.read_bytes() == before


def test_of_many_that_start_at_once_the_newest_list_is_remembered(
    tmp_path: Path, load: Load
) -> None:
    """Workers read the file while it is replaced: who has the older is refused, or was first."""
    path = tmp_path / "seen.sqlite"
    editions = [load(NOW + number * DAY / 24) for number in range(12)]

    def take(lists: RevocationLists) -> bool:
        try:
            SeenLists(path).take("tls", lists)
        except ConfigError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(take, reversed(editions)))

    assert taken[0], "the newest was refused by none"
    with pytest.raises(ConfigError, match=OLDER):
        SeenLists(path).take("tls", editions[-2])
    SeenLists(path).take("tls", editions[-1])
