# SPDX-License-Identifier: Apache-2.0
"""Opening the procedures of a deployment: to take one step, or to read."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from govshare_policy.audit import AuditLog, Pin, SaltStore, trust_text
from govshare_policy.audit.pin_open import join_pins, name_beside, open_pin
from govshare_policy.crypto import open_signer
from govshare_policy.deadline import Clock, load_clocks
from govshare_policy.errors import CallError, ConfigError
from govshare_policy.policy import Bundle, Precedence, load_bundle
from govshare_policy.register import load_register
from govshare_policy.workflow import (
    Matter,
    MatterKind,
    Moment,
    Office,
    Store,
    Workflow,
    load_workflow,
)
from govshare_policy.workflow.recovery import recover

TRUST: Final = "trust-workflow.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a deployment keeps its procedures: beside the log of calls, in a log of their own.

    The log of calls is held by a running sidecar, so steps have another one.
    """

    profile: str
    precedence: Precedence
    data: Path
    origin: str
    key: str
    passphrase: bytes
    directory: Path
    pins: tuple[str, ...]
    trust: Path

    @property
    def log(self) -> Path:
        """The directory of the log of steps."""
        return self.directory / "log"

    @property
    def store(self) -> Path:
        """The store of matters."""
        return self.directory / "store.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What can be read without holding the log."""

    bundle: Bundle
    texts: tuple[Workflow, ...]
    matters: Callable[[MatterKind], tuple[Matter, ...]]

    def clocks(self) -> dict[str, tuple[Clock, ...]]:
        """Return the clocks of every text, by profile."""
        return {text.profile: load_clocks(text.profile) for text in self.texts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The office of a deployment, opened for one step."""

    office: Office
    moment: Moment

    def matter(self, ident: str, *kinds: MatterKind) -> Matter:
        """Return the matter *ident*, which is of one of *kinds*."""
        matter = self.office.store.matter(ident)
        if matter.kind not in kinds:
            names = " or ".join(f"`{kind}`" for kind in kinds)
            raise CallError(f"`{matter.id}` is not of the kind {names}")
        return matter


@contextmanager
def open_desk(config: Path, at: str) -> Iterator[Desk]:
    """Open the office of the deployment *config*, as the one that takes steps.

    Raises:
        AuditError: If somebody else takes a step right now.
    """
    place = _place(config)
    stated = bool(at)
    moment = Moment(at=_instant(at) if stated else datetime.now(UTC), stated=stated)
    with ExitStack() as stack:
        pin = join_pins([open_pin(name) for name in place.pins])
        stack.callback(pin.close)
        log = stack.enter_context(_open_log(place, pin))
        store = stack.enter_context(Store(place.store, profile=place.profile, origin=log.origin))
        recover(store, log, log_directory=place.log, data=place.data)
        bundle, texts = _texts(place)
        salts = stack.enter_context(SaltStore(place.directory / "salts.sqlite"))
        office = Office(
            bundle=bundle,
            texts=texts,
            data=place.data,
            store=store,
            log=log,
            log_directory=place.log,
            salts=salts,
        )
        yield Desk(office=office, moment=moment)


@contextmanager
def open_reader(config: Path) -> Iterator[Reader]:
    """Open the matters of the deployment *config* for reading; a step may be taken meanwhile."""
    place = _place(config)
    bundle, texts = _texts(place)
    if not place.store.exists():
        yield Reader(bundle=bundle, texts=texts, matters=lambda _: ())
        return
    with Store(place.store, profile=place.profile, origin=place.origin) as store:
        yield Reader(bundle=bundle, texts=texts, matters=store.matters)


def _place(config: Path) -> Place:
    from govshare_sidecar.config import (  # noqa: PLC0415  the sidecar is an extra
        OpenPolicy,
        load_config,
    )

    deployment = load_config(config)
    policy = deployment.policy
    if not isinstance(policy, OpenPolicy):
        raise ConfigError(
            f"{config.name}: a signed bundle cannot be written to; take steps where it is made, "
            "under a configuration with `data`, and sign the result"
        )
    if not deployment.log.origin:
        raise ConfigError(f"{config.name}: `log.origin` is missing; name the log of calls first")
    return Place(
        profile=policy.profile,
        precedence=policy.precedence,
        data=policy.data,
        origin=f"{deployment.log.origin}/workflow",
        key=deployment.log.key,
        passphrase=deployment.log.passphrase,
        directory=deployment.log.directory.with_name("workflow"),
        pins=tuple(name_beside(name, "workflow") for name in deployment.log.pins.names),
        trust=config.with_name(TRUST),
    )


def _texts(place: Place) -> tuple[Bundle, tuple[Workflow, ...]]:
    register = load_register(place.data)
    bundle = load_bundle(place.profile, register, precedence=place.precedence)
    return bundle, tuple(load_workflow(text.pack) for text in bundle.texts)


def _open_log(place: Place, pin: Pin) -> AuditLog:
    signer = open_signer(place.key, place.passphrase)
    try:
        if place.log.is_dir() and any(place.log.iterdir()):
            return AuditLog.open(place.log, signer=signer, now=_now, pin=pin)
        place.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not place.trust.exists():
            place.trust.write_text(trust_text(place.origin, signer.public), encoding="utf-8")
    except OSError as error:
        cause = (error.strerror or "it cannot be used").lower()
        raise ConfigError(f"the directory of the log of steps: {cause}") from None
    return AuditLog.create(place.log, origin=place.origin, signer=signer, now=_now, pin=pin)


def _now() -> datetime:
    return datetime.now(UTC)


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise CallError("`--at` is an instant with a zone, such as 2026-01-05T10:00:00+08:00")
    return at
