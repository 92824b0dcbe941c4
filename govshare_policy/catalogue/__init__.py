# SPDX-License-Identifier: Apache-2.0
"""The catalogue: held against a text, brought in from a table, shown with what it means."""

from govshare_policy.catalogue.lint import lint
from govshare_policy.catalogue.model import Catalogue, Finding, LintRule, LintText, Severity
from govshare_policy.catalogue.read import load_catalogue
from govshare_policy.catalogue.rules import load_lint, parse_lint

__all__ = [
    "Catalogue",
    "Finding",
    "LintRule",
    "LintText",
    "Severity",
    "lint",
    "load_catalogue",
    "load_lint",
    "parse_lint",
]
