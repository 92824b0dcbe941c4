# SPDX-License-Identifier: Apache-2.0
"""``govshare egress``: evidence of releases, and the onward guard without a sidecar.

A command's module is imported when it is run, as for all of ``govshare``.
"""

from typing import Final

import typer

from govshare_policy.cli.commands import LazyGroup, entries_of

COMMANDS: Final = entries_of(
    ("prove", "egress_evidence", "prove_command", "Prove that one record left."),
    ("verify", "egress_evidence", "verify_command", "Verify such a proof, offline."),
    ("prov", "egress_evidence", "prov_command", "The path of a release as W3C PROV."),
    ("key", "egress_marks", "key_command", "Make the key file of a department."),
    ("canary", "egress_marks", "canary_command", "Plant invented rows in a batch file."),
    ("watermark", "egress_marks", "watermark_command", "Mark the order of a batch file."),
    ("trace", "egress_trace", "trace_command", "Name the releases that leaked rows fit."),
    ("scan", "egress_scan", "scan_command", "Look for obtained data in files."),
    ("register", "egress_register", "register_command", "Register what was obtained."),
    ("holdings", "egress_holdings", "holdings_app", "What the department held before."),
    ("allow", "egress_register", "allow_app", "What may pass unread, and to whom."),
    ("heartbeats", "egress_trace", "heartbeats_command", "Where a guard was off."),
)


class EgressCommands(LazyGroup):
    """The group ``govshare egress``."""

    entries = COMMANDS


egress_app = typer.Typer(
    cls=EgressCommands,
    no_args_is_help=True,
    help="Evidence of releases; what was released is recognised on its way out.",
)


@egress_app.callback()
def _group() -> None:
    """Evidence of releases; what was released is recognised on its way out."""
