# SPDX-License-Identifier: Apache-2.0
"""Files of a pack that an editor saved in another way: the message says which way."""

from pathlib import Path

import pytest

from govshare_policy.catalogue.rules import parse_lint
from govshare_policy.errors import PolicyError
from govshare_policy.policy import load_bundle
from govshare_policy.policy.plain import decode_plain
from govshare_policy.register import load_register
from govshare_policy.report.asks import parse_asks
from tests.county import COUNTY
from tests.unit.mutated import write_packs

SAVED = {
    "utf-8-sig": "begins with a byte order mark; save it as UTF-8 without one",
    "utf-16": "is UTF-16; save it as UTF-8",
}


@pytest.mark.parametrize(
    "name",
    [
        *("hubei/policy.csv", "hubei/law.toml", "hubei/clauses.tsv"),
        *("common/rules.conf", "common/scope.conf", "common/findings.json"),
    ],
)
@pytest.mark.parametrize("encoding", SAVED)
def test_a_pack_file_saved_by_a_spreadsheet_is_refused_for_what_it_is(
    name: str, encoding: str, tmp_path: Path
) -> None:
    """And not for a word of its first line that looks right."""
    packs = write_packs(tmp_path / "packs", {})
    path = packs / name
    path.write_bytes(path.read_text("utf-8").encode(encoding))

    with pytest.raises(PolicyError, match=f"^{name}: {SAVED[encoding]}$"):
        load_bundle("hubei", load_register(COUNTY), packs=packs)


@pytest.mark.parametrize("encoding", SAVED)
def test_so_are_the_sentences_the_rules_of_a_catalogue_and_what_a_report_asks(
    encoding: str, tmp_path: Path
) -> None:
    packs = write_packs(tmp_path / "packs", {})
    data = "x = 1".encode(encoding)
    (packs / "common" / "reasons.toml").write_bytes(data)

    with pytest.raises(PolicyError, match=f"^reasons.toml: {SAVED[encoding]}$"):
        load_bundle("hubei", load_register(COUNTY), packs=packs)
    with pytest.raises(PolicyError, match=f"^catalogue.toml: {SAVED[encoding]}$"):
        parse_lint(data, "hubei", prefix="HU", clauses={})
    with pytest.raises(PolicyError, match=f"^report.toml: {SAVED[encoding]}$"):
        parse_asks(data, clauses=())


def test_big_endian_is_told_too() -> None:
    with pytest.raises(PolicyError, match=r"^f: is UTF-16"):
        decode_plain("f", "\ufeffp".encode("utf-16-be"))


def test_text_is_returned_as_it_is() -> None:
    """With the line ends that it has."""
    assert decode_plain("f", "甲\r\n乙".encode()) == "甲\r\n乙"


def test_a_register_may_have_the_mark(tmp_path: Path) -> None:
    """Spreadsheets write it; the first column is known all the same."""
    for path in COUNTY.iterdir():
        mark = b"" if path.read_bytes().startswith(b"\xef\xbb\xbf") else b"\xef\xbb\xbf"
        (tmp_path / path.name).write_bytes(mark + path.read_bytes())

    assert load_register(tmp_path).resources == load_register(COUNTY).resources
