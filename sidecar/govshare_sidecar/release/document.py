# SPDX-License-Identifier: Apache-2.0
"""The release of exactly the granted fields out of a JSON answer.

What leaves is built anew from the path to the records and the released fields; nothing else of
the department's answer is carried over. Values keep their spelling, so numbers stay as they are
digit for digit.
"""

import json
from collections.abc import Collection, Sequence
from typing import Final, TypeVar

import msgspec

from govshare_policy.crypto import sm3
from govshare_sidecar.release.released import MAX_DEPTH, Released
from govshare_sidecar.upstream import Fault, UpstreamError

_T = TypeVar("_T")
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ENCODER: Final = msgspec.json.Encoder()


def release(body: bytes, fields: Collection[str], *, records: Sequence[str]) -> Released:
    """Return *body* with nothing in it but *fields* of the records that stand at *records*.

    1. Read it strictly: valid UTF-8, no duplicate key anywhere, no NaN, no bottomless nesting.
       Two readers may take a document that breaks these rules for two different documents.
    2. Go down the path; every step is an object that has the key.
    3. Keep the released fields of every record, each of which is an object.
    4. Build the document anew around them.

    Raises:
        UpstreamError: If a step fails. Nothing of *body* may leave.
    """
    # 1.
    _verify_strict(body)
    # 2.
    place = msgspec.Raw(body)
    for key in records:
        place = _object(place).get(key, msgspec.Raw(b""))
    # 3.
    wanted = frozenset(fields)
    first = bytes(place).lstrip(b" \t\r\n")[:1]
    kept: object
    if first == b"[":
        kept = [_kept(record, wanted) for record in _decoded(_LIST, place)]
        rows = len(kept)
    else:
        kept, rows = _kept(place, wanted), 1
    # 4.
    for key in reversed(records):
        kept = {key: kept}
    built = _ENCODER.encode(kept)
    return Released(body=built, rows=rows, digest=sm3(built))


def _kept(record: msgspec.Raw, wanted: frozenset[str]) -> dict[str, msgspec.Raw]:
    return {key: value for key, value in _object(record).items() if key in wanted}


def _object(raw: msgspec.Raw) -> dict[str, msgspec.Raw]:
    return _decoded(_OBJECT, raw)


def _decoded(decoder: msgspec.json.Decoder[_T], raw: msgspec.Raw) -> _T:
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        raise UpstreamError(
            Fault.UNREADABLE, "the department's answer has no record where one belongs"
        ) from None


def _verify_strict(body: bytes) -> None:
    try:
        document = json.loads(
            body.decode("utf-8", "strict"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_number,
            parse_float=_number,
        )
    except (ValueError, RecursionError):
        # The cause would quote the body.
        raise UpstreamError(Fault.UNREADABLE, "the department's answer is not JSON") from None
    _verify_depth(document)


def _verify_depth(document: object) -> None:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise UpstreamError(
        Fault.UNREADABLE, f"the department's answer is nested deeper than {MAX_DEPTH} levels"
    )


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise UpstreamError(Fault.UNREADABLE, "the department's answer holds a key twice")
    return document


def _no_constant(_name: str) -> object:
    raise UpstreamError(
        Fault.UNREADABLE, "the department's answer holds a number that JSON does not have"
    )


def _number(_digits: str) -> object:
    return None
