# SPDX-License-Identifier: Apache-2.0
"""What the commands for auditors share: which log, whose keys, which records."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from getpass import getpass
from pathlib import Path
from typing import Annotated, Final

import typer

from govshare_policy.audit import SaltStore
from govshare_policy.errors import CallError, ConfigError
from govshare_policy.inspection.choice import Choice, parse_since, parse_until
from govshare_policy.inspection.persons import Sought, parse_person
from govshare_policy.legal import Effect, Outcome

Words = list[str] | None
MAX_NUMBER: Final = (1 << 63) - 1
_EFFECTS: Final = tuple(effect.value for effect in Effect)
# The outcomes of calls and of steps, and the statuses that the sidecar records. Others that answer
# calls may have statuses of their own: with `--phase outcome`, any is taken.
OUTCOMES: Final = (
    *(outcome.value for outcome in Outcome),
    *("taken", "refused", "released", "caller_left", "not_exact", "no_such_record"),
    *("upstream_unreachable", "upstream_timeout", "upstream_error", "upstream_too_large"),
    *("upstream_unreadable", "upstream_unsigned", "passed_on"),
)
_PHASES: Final = (
    "decision",
    "outcome",
    "workflow",
    "supervision",
    "key",
    "recovery",
    "admin",
)

LogArgument = Annotated[Path, typer.Argument(metavar="LOGDIR", help="The directory of the log.")]
TrustOption = Annotated[Path | None, typer.Option("--trust", help="The trust file of the auditor.")]
WorkerOption = Annotated[
    int | None,
    typer.Option("--worker", min=0, max=999, help="Whose log, where there are `workers`: 0, 1, …"),
]
DepartmentOption = Annotated[Words, typer.Option("--department", help="Who called, or acted.")]
SystemOption = Annotated[Words, typer.Option("--system", help="The system that called.")]
ResourceOption = Annotated[Words, typer.Option("--resource", help="What was asked for.")]
GrantOption = Annotated[Words, typer.Option("--grant", help="A grant that it rests on.")]
OutcomeOption = Annotated[
    Words,
    typer.Option(
        "--outcome",
        help="Of a decision or a step; of an outcome, its status: any, with --phase outcome.",
    ),
]
EffectOption = Annotated[Words, typer.Option("--effect", help="allow or deny.")]
ClauseOption = Annotated[Words, typer.Option("--clause", help="A clause that it cites.")]
PhaseOption = Annotated[Words, typer.Option("--phase", help=f"{', '.join(_PHASES)}.")]
SinceOption = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help="A day (Asia/Shanghai), or an instant."),
]
UntilOption = Annotated[
    str | None, typer.Option("--to", metavar="TIME", help="A day or an instant, included.")
]
PersonOption = Annotated[
    Words,
    typer.Option(
        "--person",
        metavar="NAME=VALUE",
        help="About this person: operator=…, recipient=…; the value - is asked for. Needs --salts.",
    ),
]
SaltsOption = Annotated[
    Path | None, typer.Option("--salts", help="The salt store that opens commitments to persons.")
]


def there(path: Path) -> Path:
    """Return *path* if there is something.

    Raises:
        ConfigError: If there is not.
    """
    if not path.exists():
        raise ConfigError(f"`{path.name}` does not exist; check the path")
    return path


def outside(log: Path, written: Path | None) -> None:
    """Return only if *written*, a file that is to be written, does not lie in *log*.

    Raises:
        ConfigError: If it does, by whatever links.
    """
    if written is None:
        return
    place, around = (Path(os.path.realpath(path)) for path in (written, log))
    if place.is_relative_to(around):
        raise ConfigError(f"`{written.name}` would lie in the log; name a file outside it")


def choice_of(  # noqa: PLR0913  one parameter an option
    *,
    department: Sequence[str] | None,
    system: Sequence[str] | None,
    resource: Sequence[str] | None,
    grant: Sequence[str] | None,
    outcome: Sequence[str] | None,
    effect: Sequence[str] | None,
    clause: Sequence[str] | None,
    phase: Sequence[str] | None,
    person: Sequence[str] | None,
    since: str | None,
    until: str | None,
    after: int = -1,
) -> Choice:
    """Return what the options ask for.

    Raises:
        CallError: If a time, a person or one of a few words is not spelt as it has to be, or
            the times are the wrong way round.
    """
    _verify_words("--effect", effect, _EFFECTS)
    _verify_words("--phase", phase, _PHASES)
    if "outcome" not in (phase or ()):
        _verify_words("--outcome", outcome, OUTCOMES)
    choice = Choice(
        department=tuple(department or ()),
        system=tuple(system or ()),
        resource=tuple(resource or ()),
        grant=tuple(grant or ()),
        outcome=tuple(outcome or ()),
        effect=tuple(effect or ()),
        clause=tuple(clause or ()),
        phase=tuple(phase or ()),
        person=tuple(one.partition("=")[0] for one in person or ()),
        since_us=None if since is None else parse_since(since, "--from"),
        until_us=None if until is None else parse_until(until, "--to"),
        after=after,
    )
    first, last = choice.since_us, choice.until_us
    if first is not None and last is not None and first > last:
        raise CallError("--from is after --to, so no record can be between them")
    return choice


def _verify_words(option: str, given: Sequence[str] | None, allowed: Sequence[str]) -> None:
    """Return only if each of *given* is allowed: a misspelt word would find nothing."""
    if not set(given or ()) <= set(allowed):
        raise CallError(f"{option} takes {', '.join(allowed)}")


@contextmanager
def sought_by(person: Sequence[str] | None, salts: Path | None) -> Iterator[Sought | None]:
    """Give what compares records with the persons that the options name, if they do.

    Raises:
        CallError: If a person is not spelt as it has to be.
        ConfigError: If there is no salt store to compare by.
    """
    if not person:
        yield None
        return
    persons = tuple(parse_person(one, read_value=_ask) for one in person)
    if salts is None:
        raise ConfigError("--person needs --salts, the salt store that the sidecar keeps")
    with SaltStore(there(salts), read_only=True) as store:
        yield Sought(persons, store)


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def cache_directory() -> Path | None:
    """Return where this user's programs keep what they can make anew; none without a home."""
    for variable, below in (("XDG_CACHE_HOME", ""), ("HOME", ".cache")):
        value = os.environ.get(variable, "")
        if value and Path(value).is_absolute():
            return Path(value) / below / "govshare"
    return None


def _ask() -> str:
    if sys.stdin.isatty():
        return getpass("value: ")
    try:
        value = sys.stdin.readline().rstrip("\r\n")
        value.encode()
    except UnicodeError:
        raise CallError("the value on standard input is not utf-8") from None
    return value
