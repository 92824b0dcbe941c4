# SPDX-License-Identifier: Apache-2.0
"""The digest of the files that something was read from."""

from collections.abc import Mapping

from govshare_policy.crypto import sm3, sm3_new


def digest_of(files: Mapping[str, bytes]) -> bytes:
    """Return SM3 over the sorted ``name NUL SM3(content)`` of *files*; 32 bytes."""
    state = sm3_new()
    for name in sorted(files):
        state.update(name.encode() + b"\x00" + sm3(files[name]))
    return state.digest()
