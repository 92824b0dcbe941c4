# SPDX-License-Identifier: Apache-2.0
"""Run the demo: ``python -m examples.county [--lang zh|en] [--directory DIR]``."""

import argparse
import asyncio
import io
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from examples.county import proof
from examples.county.calls import Made, fetch, first_key, spend_day
from examples.county.day import PROFILES, Step, load_day
from examples.county.departments import write_databases
from examples.county.onward import NAME, Onward, pass_on
from examples.county.screen import Screen
from examples.county.sites import Site, clear, departments, deploy, sidecar
from govshare_policy.cli.output import Lang, chosen_lang
from govshare_policy.errors import ConfigError, GovshareError
from govshare_policy.identity import SHANGHAI
from govshare_policy.legal import Clause
from govshare_policy.policy import load_bundle
from govshare_policy.register import load_register

DONE, NOT_AS_EXPECTED, BAD_INPUT, CANNOT, STOPPED = 0, 1, 2, 3, 130
SHOWN: Final = (("D01", "/marriages"), ("D06", "/public-housing"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What the day left behind.

    Attributes:
        days: Every call made, by profile.
        before: What the departments return for the calls whose filtering is shown, by step.
        answered: How many requests the departments had.
        onward: What became of data that a consumer tried to pass on, after the day.
    """

    days: Mapping[str, Sequence[Made]]
    before: Mapping[str, object]
    answered: object
    onward: Onward


async def run(root: Path, screen: Screen) -> int:
    """Live the day, show it and verify what it left behind; return the exit code."""
    started = time.monotonic()
    screen.header()
    clear(root)
    lived = await _live(root, load_day(), screen)
    logs = {profile: root / profile / "audit" / "log" for profile in PROFILES}
    records = {profile: proof.read_log(log) for profile, log in logs.items()}
    records["hubei"] = records["hubei"].without_release(lived.onward.receipt)
    logs[NAME] = root / NAME / "audit" / "log"
    faults = _faults(lived, records)
    for fault in faults:
        screen.fault(fault)
    if faults:
        return NOT_AS_EXPECTED
    _show(root, lived, records, screen)
    await _verify(root, logs, screen)
    _say_next(root, time.monotonic() - started, screen)
    return DONE


async def _live(root: Path, steps: Sequence[Step], screen: Screen) -> Lived:
    """Start everything, make every call, stop everything."""
    today = datetime.now(SHANGHAI).date()
    bases = root / "departments"
    bases.mkdir()
    write_databases(bases)
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(departments(bases))
        screen.done(f"各部门接口（SQLite）：{address}", f"departments' APIs over SQLite: {address}")
        deployments = [deploy(root, name, today=today, upstream=address) for name in PROFILES]
        sites = [await stack.enter_async_context(sidecar(made)) for made in deployments]
        for site in sites:
            screen.done(
                f"代理 {site.profile}：https://{site.http}，gRPC {site.grpc}（双向 TLS）",
                f"sidecar {site.profile}: https://{site.http}, gRPC {site.grpc} (mutual TLS)",
            )
        days = await _spend(sites, steps, screen)
        answered = await fetch(address, "/answered")
        before = {ident: await fetch(address, f"{path}/{first_key(path)}") for ident, path in SHOWN}
        screen.say("… 用数部门取得数据并试图外传", "… a consumer obtains data", style="dim")
        onward = await pass_on(root, next(site for site in sites if site.profile == "hubei"))
    return Lived(days=days, before=before, answered=answered, onward=onward)


async def _spend(
    sites: Sequence[Site], steps: Sequence[Step], screen: Screen
) -> dict[str, tuple[Made, ...]]:
    each = sum(step.times for step in steps)
    screen.say(f"… 每个文本 {each} 次调用", f"… {each} calls under each text", style="dim")
    with screen.progress([site.profile for site in sites], each) as tick:
        days = await asyncio.gather(
            *(spend_day(site, steps, tick=partial(tick, site.profile)) for site in sites)
        )
    return {site.profile: made for site, made in zip(sites, days, strict=True)}


def _faults(lived: Lived, records: Mapping[str, proof.Log]) -> list[str]:
    days = lived.days
    faults = [
        fault for name, made in days.items() for fault in proof.find_faults(made, records[name])
    ]
    if lived.answered != {"answered": _released(days)}:
        faults.append("the departments were asked for data that did not leave")
    return [*faults, *lived.onward.faults()]


def _show(root: Path, lived: Lived, records: Mapping[str, proof.Log], screen: Screen) -> None:
    days, clauses = lived.days, _clauses(root)

    def released(call: Made) -> Sequence[str]:
        return tuple(records[call.profile].decisions[call.record]["fields"])

    screen.heading(
        "一天中的调用（节选，依湖北省办法）", "Some calls of the day, under Hubei's text"
    )
    screen.selected(days["hubei"], clauses)
    screen.heading("同一调用，两个文本", "Same call, two texts")
    screen.compared(days, clauses, released)
    screen.heading("只放行获准的信息项", "Only what was granted leaves")
    for ident, _path in SHOWN:
        call = next(made for made in days["hubei"] if made.step.id == ident)
        screen.filtered((call.step.title_zh, call.step.title_en), lived.before[ident], call.body)
    screen.heading("各结果的次数", "How often each outcome was given")
    screen.counts(days)
    screen.heading("取得的数据不得外传", "Obtained data may not be passed on")
    screen.onward(lived.onward.tried)
    screen.done(
        f"取得 {lived.onward.obtained} 条记录，变换形式仍被识别；公司只收到用数部门的自有数据",
        f"{lived.onward.obtained} records obtained and recognised in every form; "
        "the company got nothing but own data",
    )
    total, asked = sum(len(made) for made in days.values()), _released(days)
    screen.done(
        f"{total} 次调用的结果和条款均与预期一致，且都与审计记录相符",
        f"all {total} calls were answered as expected, clause for clause, and each is on record",
    )
    screen.done(
        f"各部门接口只被问到 {asked} 次，正是放行的次数；被拒的调用没有到达部门",
        f"the departments were asked {asked} times, once per answer that left; "
        "no refused call reached them",
    )


async def _verify(root: Path, logs: Mapping[str, Path], screen: Screen) -> None:
    screen.heading("验证审计日志", "The audit logs, verified from outside")
    for profile, log in logs.items():
        trust = root / profile / "trust.toml"
        screen.command(f"govshare audit verify {_short(log)} --trust {_short(trust)}")
        screen.verified(profile, await proof.verify(log, trust))
    screen.say(
        "把日志复制一份，翻转其中一个比特，再验证：",
        "a copy of the log with one bit flipped, verified again:",
    )
    trust = root / "hubei" / "trust.toml"
    screen.refused(await proof.verify_tampered(logs["hubei"], trust, root / "tampered"))
    directory = root / "openssl"
    command, printed = await proof.verify_with_openssl(logs["hubei"], trust, directory)
    screen.say(
        f"只用 OpenSSL 验证最后一个检查点的签名（在 {_short(directory)}/ 中）：",
        f"the signature of the last checkpoint, with OpenSSL alone (in {_short(directory)}/):",
    )
    screen.command(command, printed)


def _say_next(root: Path, seconds: float, screen: Screen) -> None:
    screen.heading("接下来看什么", "What to look at next")
    log = _short(root / "hubei" / "audit" / "log")
    screen.say("· 审计记录，每次调用一条：", "· the records, one for every call:")
    screen.command(f".venv/bin/govshare audit show {log} --count 5 --output table")
    screen.say(
        "· 同一日志的审计报告，一个网页：",
        "· a report on the same log, one page to open in a browser:",
    )
    trust = _short(root / "hubei" / "trust.toml")
    screen.command(f".venv/bin/govshare audit report {log} --trust {trust} --out report.html")
    screen.say(
        "· 自己动手的第一次调用：docs/tutorial/first-call.md",
        "· your own first call: docs/tutorial/first-call.md",
    )
    screen.say(
        "· 两个文本：policies/hubei/ 与 policies/henan-fengqiu/",
        "· the two texts: policies/hubei/ and policies/henan-fengqiu/",
    )
    screen.say(f"用时 {seconds:.1f} 秒", f"took {seconds:.1f} s", style="dim")


def _released(days: Mapping[str, Sequence[Made]]) -> int:
    return sum(1 for made in days.values() for call in made if call.body is not None)


def _clauses(root: Path) -> dict[str, Clause]:
    clauses: dict[str, Clause] = {}
    for profile in PROFILES:
        bundle = load_bundle(profile, load_register(root / profile / "data"))
        clauses |= bundle.texts[0].pack.clauses
    return clauses


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


async def _until_told(root: Path, screen: Screen) -> int:
    """Run the demo; SIGTERM stops it as Ctrl-C does, with everything it started."""
    task = asyncio.ensure_future(run(root, screen))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    return await task


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return its exit code: 0 only if everything was as it should be."""
    parser = argparse.ArgumentParser(prog="python -m examples.county", description=__doc__)
    parser.add_argument("--lang", type=Lang, choices=list(Lang), help="default from the locale")
    parser.add_argument("--directory", type=Path, default=Path("demo-data"))
    options = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Chinese still gets the rest
    screen = Screen(chosen_lang(options.lang))
    try:
        return asyncio.run(_until_told(options.directory.absolute(), screen))
    except asyncio.CancelledError:
        screen.say("已停止", "stopped")
        return STOPPED
    except GovshareError as error:
        screen.fault(str(error))
        return BAD_INPUT if isinstance(error, ConfigError) else CANNOT
    except OSError as error:
        screen.fault(f"the system could not do it: {error.strerror}")
        return CANNOT


if __name__ == "__main__":
    sys.exit(main())
