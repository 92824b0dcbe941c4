# SPDX-License-Identifier: Apache-2.0
"""A deployment made by ``govshare init``, and the people who take steps in it."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from govshare_policy.cli.init import init
from govshare_policy.policy import Precedence
from tests.unit.cli.conftest import Command, Done

TODAY = date(2026, 11, 23)
AT = "2026-11-23T10:{minute:02}:00+08:00"
WHO = {
    "clerk": ("--by", "D-CAB", "--person", "li"),
    "head": ("--by", "D-CAB", "--person", "wang"),
    "provider": ("--by", "D-NRB", "--person", "he"),
    "chief": ("--by", "D-NRB", "--person", "sun"),
    "operator": ("--by", "O-OPS", "--person", "zhao"),
    "authority": ("--by", "D-DATA", "--person", "xu"),
    "projects": ("--by", "D-DRC", "--person", "deng"),
    "user": ("--by", "D-HCB", "--person", "qian"),
}
APPLY = (
    *("application", "apply", "--resource", "R12", "--fields", "id_no,owner_name"),
    *("--purposes", "data_verification", "--channels", "api", "--systems", "SYS-CAB-AID"),
    *("--from", "2026-11-23", "--to", "2027-11-22", "--need", "核对救助对象"),
    *("--reason", "救助审批", "--basis", "救助办法", "--scenario", "审批"),
)
# The steps between an application and its end, under each text: who, and the command.
CYCLES: dict[str, Sequence[tuple[str, Sequence[str]]]] = {
    "henan-fengqiu": [("chief", ("decide", "--approve")), ("provider", ("supply",))],
    "henan-yanjin": [("chief", ("decide", "--approve")), ("operator", ("supply",))],
    "jiangxi-pingxiang": [("chief", ("decide", "--approve")), ("provider", ("supply",))],
    "henan-hebi": [("chief", ("decide", "--approve")), ("provider", ("supply",))],
    "hubei": [
        ("operator", ("check", "--accept")),
        ("chief", ("decide", "--approve")),
        ("operator", ("notify",)),
        ("provider", ("supply",)),
    ],
    "national-809": [
        ("head", ("endorse",)),
        ("chief", ("clear", "--approve")),
        ("chief", ("decide", "--approve")),
        ("provider", ("supply",)),
    ],
}


class Place:
    """A deployment, and a clock that goes on by a minute a step."""

    def __init__(self, run: Command, directory: Path, profile: str) -> None:
        self.directory, self.profile = directory, profile
        init(directory, profile=profile, precedence=Precedence.LOCAL, today=TODAY)
        self._run, self._minute = run, 0

    def take(self, who: str, *command: str) -> Done:
        """Run a command that takes a step."""
        self._minute += 1
        at = ("--at", AT.format(minute=self._minute))
        return self.show(*command, *WHO[who], *at)

    def show(self, *command: str) -> Done:
        """Run a command on the deployment."""
        return self._run(*command, "--config", str(self.directory / "govshare.toml"))
