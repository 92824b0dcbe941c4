# SPDX-License-Identifier: Apache-2.0
"""The release of exactly the granted fields out of JSON records, one a line."""

from collections.abc import Collection

from govshare_policy.crypto import sm3
from govshare_sidecar.release.document import release
from govshare_sidecar.release.released import Released
from govshare_sidecar.upstream import Fault, UpstreamError


def release_lines(body: bytes, fields: Collection[str]) -> Released:
    """Return *body* with nothing in its records but *fields*, each as :func:`release` would.

    Every line is an object; only the last may end without a line feed. A line feed stands behind
    every record that leaves.

    Raises:
        UpstreamError: If a line is anything else. Nothing of *body* may leave.
    """
    lines = body.split(b"\n")
    if not lines[-1]:
        lines.pop()
    built = b"".join(_kept(line.removesuffix(b"\r"), fields) + b"\n" for line in lines)
    return Released(body=built, rows=len(lines), digest=sm3(built))


def _kept(line: bytes, fields: Collection[str]) -> bytes:
    # Some readers end a line at a carriage return too, and would see half a record.
    if not line.lstrip(b" \t").startswith(b"{") or b"\r" in line:
        raise UpstreamError(
            Fault.UNREADABLE, "the department's answer has no record where a line begins"
        )
    return release(line, fields, records=()).body
