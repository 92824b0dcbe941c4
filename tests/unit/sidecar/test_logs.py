# SPDX-License-Identifier: Apache-2.0
"""Operating messages are lines of JSON that hold no values."""

import json
import logging

from govshare_sidecar.logs import JsonLines, TextLines


def line(name: str, message: str, *, error: BaseException | None = None) -> dict[str, str]:
    info = (type(error), error, None) if error is not None else None
    record = logging.LogRecord(name, logging.ERROR, __file__, 1, message, (), info)
    text = JsonLines().format(record)
    assert "\n" not in text
    document: dict[str, str] = json.loads(text)
    return document


def test_our_own_messages_are_told() -> None:
    said = line("govshare_sidecar.server", "draining")

    assert (said["message"], said["level"]) == ("draining", "error")
    assert said["t"].endswith("+00:00")


def test_what_libraries_say_stays_out_because_it_may_quote_a_request() -> None:
    said = line("aiohttp.server", "GET /marriages/4711", error=ValueError("4711"))

    assert said["exception"] == "ValueError"
    assert "4711" not in str(said)


def test_the_text_of_an_unforeseen_error_stays_out_too() -> None:
    said = line("govshare_sidecar.api", "an answer ended", error=KeyError("4711"))

    assert "4711" not in str(said)


def test_a_line_of_text_says_the_same_as_one_of_json() -> None:
    record = logging.LogRecord(
        "govshare_sidecar.server", logging.WARNING, __file__, 1, "one\ntwo", (), None
    )
    text = TextLines().format(record)

    assert text.endswith(" warning govshare_sidecar.server one two")
    assert text.startswith(json.loads(JsonLines().format(record))["t"])


def test_text_of_libraries_stays_out_of_lines_of_text_too() -> None:
    record = logging.LogRecord("aiohttp.server", logging.ERROR, __file__, 1, "4711", (), None)

    assert "4711" not in TextLines().format(record)
