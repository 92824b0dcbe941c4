# SPDX-License-Identifier: Apache-2.0
"""Which commands there are, and where: a command's module is imported when it is run.

Most commands need little of what all of them need together, and ``--help`` needs none of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, ClassVar, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One command or group of commands.

    Attributes:
        module: Under ``govshare_policy.cli``.
        attribute: A :class:`typer.Typer`, or the function of the command.
        summary: The first sentence of its help.
    """

    module: str
    attribute: str
    summary: str

    def load(self, name: str) -> Any:  # noqa: ANN401  typer's own class of a command
        """Import the module and return the command, under *name*."""
        found = getattr(import_module(f"govshare_policy.cli.{self.module}"), self.attribute)
        around = typer.Typer(add_completion=False, rich_markup_mode=None)
        # With a callback it stays a group, whatever it holds.
        around.callback()(_nothing)
        if isinstance(found, typer.Typer):
            around.add_typer(found, name=name)
        else:
            around.command(name)(found)
        group: Any = get_command(around)
        return group.commands[name]


def _nothing() -> None:
    pass


def entries_of(*rows: tuple[str, str, str, str]) -> Mapping[str, Entry]:
    """Return a table of commands; each row is name, module, attribute and summary."""
    return MappingProxyType(
        {
            name: Entry(module=module, attribute=attribute, summary=summary)
            for name, module, attribute, summary in rows
        }
    )


COMMANDS: Final = entries_of(
    ("init", "init", "init_command", "Write a runnable deployment for development."),
    ("check", "check", "check_command", "Answer calls offline: JSON lines in, JSON lines out."),
    ("explain", "check", "explain_command", "Answer one call, with every rule that was tried."),
    ("call", "call", "call_app", "Sign calls as their caller."),
    ("entitlements", "entitlements", "entitlements_command", "List what may be used now."),
    ("deadline", "deadline", "deadline_command", "Say when each step is due under a text."),
    ("serve", "serve", "serve_command", "Run the sidecar until it is told to stop."),
    ("config", "config", "config_app", "Try a configuration without serving."),
    ("healthcheck", "healthcheck", "healthcheck_command", "Ask a sidecar whether it serves."),
    ("catalogue", "catalogue", "catalogue_app", "Lint, import, show and change the catalogue."),
    ("policy", "policy", "policy_app", "The texts as policy: show, lint, test, diff, sign."),
    ("application", "application", "application_app", "Apply for data, decide, settle disputes."),
    ("grant", "grant", "grant_app", "List, revoke and suspend grants; ask for consents."),
    ("correction", "correction", "correction_app", "Raise and answer doubts about shared data."),
    ("rectification", "rectification", "rectification_app", "Notices of violations, and replies."),
    ("disposal", "disposal", "disposal_app", "State that data no longer needed are disposed of."),
    ("roles", "roles", "roles_app", "Print who may take which step, by which clause."),
    ("report", "report", "report_app", "What supervising bodies ask for."),
    ("audit", "audit", "audit_app", "Verify, search, prove and keep an audit log."),
    ("egress", "egress", "egress_app", "Evidence of releases, and the onward guard."),
    ("keys", "keys", "keys_app", "Make, show and rotate SM2 keys."),
    ("witness", "witness", "witness_app", "Vouch for the logs of others."),
)


class LazyGroup(TyperGroup):
    """A group that knows its commands by name and loads the one that is run."""

    entries: ClassVar[Mapping[str, Entry]]

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002  typer's own class
        """Return the names, in the order in which the help shows them."""
        return list(self.entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        """Return the command *cmd_name*, or none if there is no such command."""
        entry = self.entries.get(cmd_name)
        if entry is not None and cmd_name not in self.commands:
            self.commands[cmd_name] = entry.load(cmd_name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
        """Write the list of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.entries.items()])


class Commands(LazyGroup):
    """The group ``govshare``."""

    entries = COMMANDS
