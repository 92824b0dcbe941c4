# SPDX-License-Identifier: Apache-2.0
"""Notes have one form for all three verifiers, and what the format allows, all of them accept."""

import base64
import re

from tests.conformance.court import ORIGIN, Change, Court, Kit, evidence, swap


def lines(count: int) -> bytes:
    text = base64.b64encode(b"abcdx").decode()
    return "".join(f"— witness-{n} {text}\n" for n in range(count)).encode()


LONG = swap(ORIGIN.encode(), b"x" * 256)
NOTES: dict[str, tuple[Change, str]] = {
    "carriage returns": (swap(b"\n13\n", b"\r\n13\r\n"), "note"),
    "no empty line": (swap(b"\n\n", b"\n"), "note"),
    "two empty lines": (swap(b"\n\n", b"\n\n\n"), "note"),
    "a fourth line": (swap(b"\n\n", b"\nmore\n\n"), "note"),
    "no signature": (lambda n: n[: n.index(b"\n\n") + 2], "note"),
    "no last newline": (lambda n: n[:-1], "note"),
    "bytes behind": (lambda n: n + b"x", "note"),
    "a line behind": (lambda n: n + b"\n", "note"),
    "a NUL behind": (lambda n: n + b"\0", "note"),
    "nothing": (lambda _: b"", "note"),
    "one newline": (lambda _: b"\n", "note"),
    "an empty origin": (lambda n: n[len(ORIGIN) :], "note"),
    "a plus in the origin": (swap(b"/one\n", b"+one\n"), "note"),
    "a space in the origin": (swap(b"/one\n", b" one\n"), "note"),
    "a tab in the origin": (swap(b"/one\n", b"\tone\n"), "note"),
    "a NUL in the origin": (swap(b"/one\n", b"/one\0\n"), "note"),
    "a control character": (swap(b"/one\n", b"/one\x7f\n"), "note"),
    "an origin of 256": (LONG, "note"),
    "an origin of 255": (swap(ORIGIN.encode(), b"x" * 255), "signature"),
    "another origin": (swap(b"/one\n", b"/two\n"), "signature"),
    "a leading zero": (swap(b"\n13\n", b"\n013\n"), "note"),
    "a sign": (swap(b"\n13\n", b"\n+13\n"), "note"),
    "a space before the size": (swap(b"\n13\n", b"\n 13\n"), "note"),
    "a hexadecimal size": (swap(b"\n13\n", b"\n0xd\n"), "note"),
    "another script's digits": (swap(b"\n13\n", "\n١٣\n".encode()), "note"),
    "an empty size": (swap(b"\n13\n", b"\n\n"), "note"),
    "another size": (swap(b"\n13\n", b"\n12\n"), "signature"),
    "a size of 0": (swap(b"\n13\n", b"\n0\n"), "signature"),
    "a size of 2^63-1": (swap(b"\n13\n", b"\n9223372036854775807\n"), "signature"),
    "a size of 2^63": (swap(b"\n13\n", b"\n9223372036854775808\n"), "note"),
    "a size of 2^64": (swap(b"\n13\n", b"\n18446744073709551616\n"), "note"),
    "an endless size": (swap(b"\n13\n", b"\n" + b"9" * 5000 + b"\n"), "note"),
    "a root without padding": (swap(b"=\n\n", b"\n\n"), "note"),
    "a root of 31 bytes": (
        lambda n: re.sub(rb"\n[^\n]+=\n\n", b"\n" + base64.b64encode(bytes(31)) + b"\n\n", n),
        "note",
    ),
    "another root": (
        lambda n: re.sub(rb"\n[^\n]+=\n\n", b"\n" + base64.b64encode(bytes(32)) + b"\n\n", n),
        "signature",
    ),
    "stray bits in the root": (
        lambda n: re.sub(rb"\n[^\n]+=\n\n", b"\n" + b"A" * 42 + b"B=\n\n", n),
        "note",
    ),
    "a hyphen for the dash": (swap("—".encode(), b"-"), "note"),
    "half a dash": (swap("—".encode(), "—".encode()[:2]), "note"),
    "two spaces": (swap("— ".encode(), "—  ".encode()), "note"),
    "a space behind": (lambda n: n[:-1] + b" \n", "note"),
    "a signature too short": (lambda n: n + "— witness AQIDBA==\n".encode(), "note"),
    "a signer too long": (
        lambda n: n + f"— {'x' * 256} AQIDBHg=\n".encode(),
        "note",
    ),
    "one key twice": (lambda n: n + n[n.index("—".encode()) :], "note"),
    "sixteen more signatures": (lambda n: n + lines(16), "note"),
    "too long": (lambda n: n + b"x" * 16384, "note"),
    "fifteen more signatures": (lambda n: n + lines(15), "good"),
    "other signatures first": (swap(b"\n\n", b"\n\n" + lines(3)), "good"),
}


def test_notes_have_one_form_for_all(court: Court, kit: Kit) -> None:
    """T8 and T10; and what the format allows, all three accept."""
    cases = [evidence(kit, "note", change(kit.note)) for change, _ in NOTES.values()]

    verdicts = court.try_all(cases)

    assert dict(zip(NOTES, verdicts, strict=True)) == {name: v for name, (_, v) in NOTES.items()}
