# SPDX-License-Identifier: Apache-2.0
"""A value that is made quickly is a frozen dataclass in everything that can be seen of it."""

from dataclasses import FrozenInstanceError, dataclass, field, fields, replace

import pytest

from govshare_policy.decision import Decision, Ruling
from govshare_policy.facts import Candidate, Facts
from govshare_policy.policy import Part
from govshare_policy.quick import quick
from govshare_policy.register import Grant


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """As dataclasses make it."""

    name: str
    size: int = 3

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("a size is not negative")


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Quick:
    """The same, made quickly."""

    name: str
    size: int = 3

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("a size is not negative")


def test_it_has_its_class_its_fields_and_their_defaults() -> None:
    value = Quick(name="a")
    assert type(value) is Quick
    assert (value.name, value.size) == ("a", 3)
    assert repr(value) == repr(Plain(name="a")).replace("Plain", "Quick")
    assert (value == Quick(name="a"), hash(value)) == (True, hash(Plain(name="a")))
    assert replace(value, size=4) == Quick(name="a", size=4)


def test_it_is_frozen() -> None:
    value = Quick(name="a")
    with pytest.raises(FrozenInstanceError):
        value.size = 4  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        value.other = 4  # type: ignore[attr-defined]
    assert value.size == 3


@pytest.mark.parametrize("made", [Facts, Candidate, Ruling, Decision, Part, Grant])
def test_the_values_of_a_call_are_frozen(made: type[Facts]) -> None:
    value = object.__new__(made)
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(made)[0].name, None)


@pytest.mark.parametrize(
    "stated", [{}, {"name": "a", "other": 1}], ids=["one too few", "one too many"]
)
def test_it_is_made_of_its_fields_and_nothing_else(stated: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        Quick(**stated)  # type: ignore[arg-type]


def test_it_refuses_to_exist_when_wrong() -> None:
    with pytest.raises(ValueError, match="negative"):
        Quick(name="a", size=-1)


def test_a_default_that_is_made_each_time_is_not_for_quick_values() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Listed:
        """One with a list."""

        names: list[str] = field(default_factory=list)

    with pytest.raises(TypeError, match="plain defaults"):
        quick(Listed)
