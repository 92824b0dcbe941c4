# SPDX-License-Identifier: Apache-2.0
"""What supervising bodies ask for, counted from audit logs.

:func:`open_sources` verifies the logs, :func:`gather` reads them once, :func:`views` lays the
figures out, and :func:`statistics_document`, :func:`csv_text` and :func:`page` write them down.
"""

from govshare_policy.report.annual import Annual, Due, load_annual
from govshare_policy.report.asks import Asks, Figure, load_asks
from govshare_policy.report.csvfile import csv_text
from govshare_policy.report.figures import Figures, gather
from govshare_policy.report.page import page
from govshare_policy.report.source import Source, open_sources
from govshare_policy.report.span import AsOf, Span
from govshare_policy.report.views import Views, statistics_document, views

__all__ = [
    "Annual",
    "AsOf",
    "Asks",
    "Due",
    "Figure",
    "Figures",
    "Source",
    "Span",
    "Views",
    "csv_text",
    "gather",
    "load_annual",
    "load_asks",
    "open_sources",
    "page",
    "statistics_document",
    "views",
]
