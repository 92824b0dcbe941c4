# SPDX-License-Identifier: Apache-2.0
"""``govshare egress``: evidence of releases, and the onward guard without a sidecar.

A command's module is imported when it is run, as for all of ``govshare``.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import typer
from typer.core import TyperGroup

from govshare_policy.cli.commands import Entry

COMMANDS: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        name: Entry(module=module, attribute=attribute, summary=summary)
        for name, module, attribute, summary in (
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
    }
)


class EgressCommands(TyperGroup):
    """The group ``govshare egress``; loads the command that is run."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002  typer's own class
        """Return the names, in the order in which the help shows them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        """Return the command *cmd_name*, or none if there is no such command."""
        entry = COMMANDS.get(cmd_name)
        if entry is not None and cmd_name not in self.commands:
            self.commands[cmd_name] = entry.load(cmd_name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
        """Write the list of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


egress_app = typer.Typer(
    cls=EgressCommands,
    no_args_is_help=True,
    help="Evidence of releases; what was released is recognised on its way out.",
)


@egress_app.callback()
def _group() -> None:
    """Evidence of releases; what was released is recognised on its way out."""
