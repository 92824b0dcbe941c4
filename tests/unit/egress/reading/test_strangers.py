# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from govshare_policy.egress.reading import Code, UnscannableError, read
from tests.unit.egress.reading.strangers import STRANGERS, as_dump
from tests.unit.egress.reading.test_forms import PEOPLE, is_together, segments


@pytest.mark.parametrize("count", [2, 40])
@pytest.mark.parametrize("form", STRANGERS)
def test_every_record_comes_back_inside_one_segment(form: str, count: int) -> None:
    """Nobody hands records on like this, until somebody does."""
    people = PEOPLE[:count]
    found = segments(STRANGERS[form](people))

    assert [row for row in people if not is_together(row, found)] == []


@pytest.mark.parametrize("form", STRANGERS)
def test_records_are_kept_apart(form: str) -> None:
    for cells in segments(STRANGERS[form](PEOPLE)):
        assert sum(row["证件"] in cells and row["住址"] in cells for row in PEOPLE) <= 6
        assert len(cells) <= 240


def test_a_dump_whose_last_line_is_not_filled_up_is_read() -> None:
    lines = as_dump(PEOPLE).decode().split("\n")
    last = lines[-1].split("  ")
    body = "\n".join([*lines[:-1], "  ".join(part.strip() for part in last)]).encode()

    assert all(is_together(row, segments(body)) for row in PEOPLE[:-1])


def test_a_dump_of_something_else_is_not_read_as_text() -> None:
    """Whatever it is: nobody has seen it."""
    noise = bytes(at * 7919 % 251 for at in range(8_192))
    lines = (f"{at:08x}: {noise[at : at + 16].hex(' ')}" for at in range(0, len(noise), 16))

    with pytest.raises(UnscannableError) as refused:
        read("\n".join(lines).encode())

    assert refused.value.code is Code.UNKNOWN_FORM


@pytest.mark.parametrize(
    "numbers",
    [[85, 92, 78, 66, 90, 71] * 8, [0, 1, 2, 3] * 10, [300, 20, 41] * 10, list(range(-9, 30))],
    ids=["marks", "codes", "too large", "temperatures"],
)
@pytest.mark.parametrize("form", ["json", "lines"])
def test_numbers_that_are_no_bytes_stay_numbers(numbers: list[int], form: str) -> None:
    """Marks out of a hundred are letters of ASCII by chance."""
    text = json.dumps(numbers) if form == "json" else "\n".join(map(str, numbers))
    found = {cell for cells in segments(text.encode()) for cell in cells}

    assert {str(number).strip("-") for number in numbers} <= {cell.strip("-") for cell in found}


def test_text_of_another_language_is_not_garbled() -> None:
    text = "Müller,Zürich\nLefèvre,Orléans\nGarcía,Málaga\nØrsted,Århus\nÅngström,Växjö\n" * 4

    assert read(text.encode()).layers == ()


def test_what_surrounds_garbled_text_is_read_as_it_is() -> None:
    """Only the runs that mean something else are read once more; both readings remain."""
    garbled = ("张三,河南省新乡市封丘县\n" * 4).encode().decode("latin-1")
    reading = read(f"名单\n{garbled}李四,江西省萍乡市安源区\n".encode())

    assert reading.layers == ("garbled",)
    assert all(place in reading.text for place in ("新乡市封丘县", "萍乡市安源区", garbled[:4]))


@pytest.mark.parametrize("word", ["=?utf-8?b?####?=", "=?nowhere?q?a?=", "=?idna?b?5byg?="])
def test_an_encoded_word_that_is_none_stays_text(word: str) -> None:
    assert "410727199001011232" in read(f"Re: {word} 410727199001011232".encode()).text


@pytest.mark.parametrize(
    "line",
    ["[" + "a" * 40 + '"', '["' * 30 + "'", "r1r1r1r1" * 8, "0x41, " * 9 + "0x4", "=?a" * 20],
    ids=["open lists", "open quotes", "paths", "bytes", "words"],
)
def test_hostile_text_is_read_in_time(line: str) -> None:
    """Nothing is tried anew at every place: the usual limits are far away."""
    body = (line * (100_000 // len(line))).encode()

    assert outcome(body) is not Code.TOO_SLOW


def outcome(body: bytes) -> Code | None:
    """Return why *body* cannot be read, if it cannot."""
    try:
        read(body)
    except UnscannableError as error:
        return error.code
    return None
