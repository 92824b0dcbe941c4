# SPDX-License-Identifier: Apache-2.0
"""Operating messages: one line of JSON each on standard error, without values or evidence."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

_OURS: Final = ("govshare_sidecar", "govshare_policy")


class JsonLines(logging.Formatter):
    """Formats our own messages, which hold no values; of other libraries' only where they are from.

    What a library says about a request may quote it, so its text and traceback stay out: the
    name of the logger and the class of the exception have to do.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as one line of JSON."""
        line = {
            "t": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if record.name.split(".")[0] in _OURS:
            line["message"] = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


def configure_logs() -> None:
    """Send every message of this process to standard error, as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.INFO)
