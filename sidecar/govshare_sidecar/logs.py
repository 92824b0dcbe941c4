# SPDX-License-Identifier: Apache-2.0
"""Operating messages: one line each on standard error, without values or evidence.

docs/how-to/observe.md describes the keys of a line.
"""

import json
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from govshare_sidecar._table import Table

_OURS: Final = ("govshare_sidecar", "govshare_policy")


class Form(StrEnum):
    """What a message looks like."""

    JSON = "json"
    TEXT = "text"


class Level(StrEnum):
    """Which of our own messages are said: these, and whatever is graver."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """What the ``[messages]`` table says."""

    form: Form = Form.JSON
    level: Level = Level.INFO


USUAL_MESSAGES: Final = Messages()


def read_messages(table: Table) -> Messages:
    """Return what *table* says.

    Raises:
        ConfigError: If a key is wrong, or not one of these.
    """
    messages = Messages(
        form=Form(table.choice("format", tuple(Form), Form.JSON)),
        level=Level(table.choice("level", tuple(Level), Level.INFO)),
    )
    table.finish()
    return messages


class JsonLines(logging.Formatter):
    """Formats our own messages, which hold no values; of other libraries' only where they are from.

    What a library says about a request may quote it, so its text and traceback stay out: the
    name of the logger and the class of the exception have to do.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as one line of JSON."""
        return json.dumps(_line(record), ensure_ascii=False)


class TextLines(logging.Formatter):
    """The same, for somebody who reads along."""

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as one line of text."""
        line = _line(record)
        # What is said may hold a name out of a register; nobody begins a line with it.
        return " ".join(value.replace("\n", " ") for value in line.values())


def configure_logs(messages: Messages = USUAL_MESSAGES) -> None:
    """Send every message of this process to standard error, as *messages* says."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if messages.form is Form.JSON else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(messages.level.upper())


def _line(record: logging.LogRecord) -> dict[str, str]:
    line = {
        "t": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
    }
    if record.name.split(".")[0] in _OURS:
        line["message"] = record.getMessage()
    if record.exc_info and record.exc_info[0] is not None:
        line["exception"] = record.exc_info[0].__name__
    return line
