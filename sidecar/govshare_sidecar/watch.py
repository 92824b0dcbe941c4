# SPDX-License-Identifier: Apache-2.0
"""Looking at the files that decide, and telling when they have changed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from govshare_sidecar.config import Config
from govshare_sidecar.policy_settings import OpenPolicy, SignedPolicy

_log: Final = logging.getLogger(__name__)
# Name, device-wide number, size and time of change of each file.
State: TypeAlias = tuple[tuple[str, int, int, int], ...]


def watched(config: Config) -> tuple[Path, ...]:
    """Return the files and directories out of which *config* takes texts and registers."""
    policies = (config.policy, *((config.shadow.policy,) if config.shadow else ()))
    return tuple(path for policy in policies for path in _paths(policy))


def _paths(policy: OpenPolicy | SignedPolicy) -> tuple[Path, ...]:
    match policy:
        case OpenPolicy():
            return (policy.data,)
        case SignedPolicy():
            return (policy.bundle, policy.key)


def state_of(paths: Iterable[Path]) -> State:
    """Return what tells one state of *paths* from another; a file that is not there is left out."""
    return tuple(_states(paths))


def _states(paths: Iterable[Path]) -> Iterator[tuple[str, int, int, int]]:
    for path in paths:
        for file in (path, *_below(path)):
            try:
                found = file.stat()
            except OSError:
                continue
            yield str(file), found.st_ino, found.st_size, found.st_mtime_ns


def _below(path: Path) -> list[Path]:
    try:
        return sorted(path.rglob("*")) if path.is_dir() else []
    except OSError:
        # A directory was taken away in the middle of the look; the next one shows what came.
        return []


def ended(watching: "asyncio.Task[None]") -> None:
    """Say so where a watch ended by itself: what changes from now on is not seen."""
    if not watching.cancelled() and (error := watching.exception()) is not None:
        _log.critical("files are not watched any more, reload by SIGHUP", exc_info=error)


async def watch(
    paths: tuple[Path, ...], every_s: float, changed: Callable[[], Awaitable[None]]
) -> None:
    """Call *changed* whenever *paths* are other than they were, until cancelled.

    Only what two looks in a row find alike counts: until then somebody is still writing.
    """
    known = latest = await asyncio.to_thread(state_of, paths)
    while True:
        await asyncio.sleep(every_s)
        before, latest = latest, await asyncio.to_thread(state_of, paths)
        if latest != known and latest == before:
            known = latest
            await changed()
