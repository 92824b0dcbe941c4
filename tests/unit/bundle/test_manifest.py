# SPDX-License-Identifier: Apache-2.0
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.errors import VerificationError
from govshare_policy.policy import Precedence
from govshare_policy.signed import BundleManifest, FileEntry
from govshare_policy.signed.manifest import MAX_FILE_BYTES

DIGESTS = st.binary(min_size=32, max_size=32)
PATHS = st.sampled_from(
    ["data/grants.tsv", "data/systems.tsv", "packs/common/rules.conf", "packs/hubei/law.toml"]
)
FILES = st.builds(FileEntry, path=PATHS, size_bytes=st.integers(0, MAX_FILE_BYTES), digest=DIGESTS)
MANIFESTS = st.builds(
    BundleManifest,
    profile=st.sampled_from(["hubei", "national-809"]),
    precedence=st.sampled_from(list(Precedence)),
    revision=DIGESTS,
    created=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    files=st.lists(FILES, unique_by=lambda f: f.path).map(
        lambda fs: tuple(sorted(fs, key=lambda f: f.path))
    ),
)
PLAIN = BundleManifest(
    profile="hubei",
    precedence=Precedence.LOCAL,
    revision=bytes(32),
    created=datetime(2026, 1, 5, tzinfo=UTC),
    files=(
        FileEntry(path="data/grants.tsv", size_bytes=3, digest=bytes(32)),
        FileEntry(path="packs/hubei/law.toml", size_bytes=0, digest=b"\x01" * 32),
    ),
)


@given(manifest=MANIFESTS)
@settings(max_examples=50, deadline=None)
def test_a_manifest_reads_back_as_it_was(manifest: BundleManifest) -> None:
    """There is one spelling, and it says everything."""
    assert BundleManifest.from_bytes(manifest.to_bytes()) == manifest


def _set(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda content: content.update(values)


def _set_file(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["files"][0].update(values)


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another format": (_set(format="govshare-bundle/v2"), "another format"),
    "a key more": (_set(more=1), "another format"),
    "files that are no list": (_set(files={}), "not a list"),
    "a profile that is no text": (_set(profile=1), "`profile`"),
    "an unknown precedence": (_set(precedence="laxest"), "precedence"),
    "a revision that is not hexadecimal": (_set(revision="sm3:zz"), "hexadecimal"),
    "a short revision": (_set(revision="sm3:00"), "32 bytes"),
    "a revision without its prefix": (_set(revision="00" * 32), "canonical spelling"),
    "an instant with an offset": (_set(created="2026-01-05T08:00:00.000000+08:00"), "`created`"),
    "an instant that does not exist": (_set(created="2026-02-30T00:00:00.000000Z"), "`created`"),
    "an instant without a fraction": (_set(created="2026-01-05T00:00:00Z"), "`created`"),
    "a file that is no object": (lambda c: c["files"].insert(0, "data/a.tsv"), "`path`"),
    "a length that is no number": (_set_file(bytes=True), "`path`"),
    "a negative length": (_set_file(bytes=-1), "longer"),
    "a length beyond the most": (_set_file(bytes=MAX_FILE_BYTES + 1), "longer"),
    "a short digest": (_set_file(sm3="00"), "32 bytes"),
    "a digest in capitals": (_set_file(sm3="AA" * 32), "canonical spelling"),
    "a file twice": (lambda c: c["files"].insert(0, c["files"][0]), "in order"),
    "files out of order": (lambda c: c["files"].reverse(), "in order"),
    "a path upwards": (_set_file(path="data/../../x.tsv"), "path"),
    "an absolute path": (_set_file(path="/etc/passwd"), "path"),
    "a path with a backslash": (_set_file(path="data\\x.tsv"), "path"),
    "a hidden file": (_set_file(path="data/.x.tsv"), "path"),
    "a file beside the manifest": (_set_file(path="x.tsv"), "path"),
    "a path with a newline": (_set_file(path="data/x.tsv\n"), "path"),
    "a program": (_set_file(path="packs/hubei/x.py"), "path"),
}


@pytest.mark.parametrize(("change", "says"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_manifest_is_refused(
    change: Callable[[dict[str, Any]], object], says: str
) -> None:
    """Nothing but the one spelling of a possible bundle is read."""
    content = json.loads(PLAIN.to_bytes())
    change(content)
    data = json.dumps(content, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    with pytest.raises(VerificationError, match=says):
        BundleManifest.from_bytes(data)


@pytest.mark.parametrize("data", [b"", b"{}", b"{}\n", b"[]\n", b"{\n", PLAIN.to_bytes()[:-1]])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    """A manifest is one canonical record and a newline."""
    with pytest.raises(VerificationError):
        BundleManifest.from_bytes(data)
