# SPDX-License-Identifier: Apache-2.0
"""Frozen values that are made in every call, at the price of values that are not frozen.

The constructor of a frozen dataclass goes through ``object.__setattr__`` for every field, which is
most of what it costs to make one. Here the fields are set while the value still has the class of a
twin that is laid out alike and not frozen; what the caller gets is frozen like any other.
"""

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")


def quick(made: type[T]) -> type[T]:
    """Give *made*, a frozen, slotted, keyword-only dataclass, the quick constructor."""
    known = fields(made)  # type: ignore[arg-type]
    if any(one.default_factory is not MISSING or not one.init for one in known):
        raise TypeError("a quick value has plain defaults only")
    twin = type(f"_{made.__name__}", (), {"__slots__": [one.name for one in known]})
    stated = [one.name if one.default is MISSING else f"{one.name}=_{one.name}" for one in known]
    body = [
        f"def __init__(self, *, {', '.join(stated)}):",
        " change(self, '__class__', twin)",
        *(f" self.{one.name} = {one.name}" for one in known),
        " self.__class__ = made",
        *([" self.__post_init__()"] if hasattr(made, "__post_init__") else []),
    ]
    names: dict[str, Any] = {f"_{one.name}": one.default for one in known}
    names |= {"twin": twin, "made": made, "change": object.__setattr__}
    # As dataclasses does; the names are those of the fields.
    exec("\n".join(body), names)  # noqa: S102
    constructor: Callable[..., None] = names["__init__"]
    made.__init__ = constructor  # type: ignore[method-assign]
    return made
