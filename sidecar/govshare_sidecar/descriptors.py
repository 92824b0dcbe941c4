# SPDX-License-Identifier: Apache-2.0
"""Protobuf descriptors that the operator trusts, and what the settings of a route name in them."""

from collections.abc import Sequence
from pathlib import Path

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from govshare_policy.errors import ConfigError
from govshare_sidecar._table import Table, why
from govshare_sidecar.routes import RouteError


def read_message(table: Table, records: Sequence[str]) -> Descriptor:
    """Return the message type that ``descriptor_set`` and ``message`` of *table* name.

    Raises:
        ConfigError: If the file cannot be read, or holds no whole set.
        RouteError: If the type is not in it, or has no *records* where they should be.
    """
    pool = load_descriptors(table.file("descriptor_set"))
    message = find_message(pool, table.text("message"))
    verify_place(message, records)
    return message


def load_descriptors(path: Path) -> DescriptorPool:
    """Return the descriptors in *path*, which ``protoc --include_imports -o`` or ``buf`` wrote.

    Raises:
        ConfigError: If the file cannot be read, or holds no whole set.
    """
    pool = DescriptorPool()
    try:
        files = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file
        for file in files:
            pool.Add(file)
        for file in files:
            pool.FindFileByName(file.name)
    except OSError as error:
        raise ConfigError(f"`{path.name}` cannot be read: {why(error)}") from None
    except (DecodeError, TypeError, KeyError):
        raise ConfigError(f"`{path.name}` is no whole set of protobuf descriptors") from None
    return pool


def find_message(pool: DescriptorPool, name: str) -> Descriptor:
    """Return the message type *name*, such as ``county.v1.Marriage``.

    Raises:
        RouteError: If there is none.
    """
    try:
        return pool.FindMessageTypeByName(name)
    except KeyError:
        raise RouteError("message", "is not in the descriptor set") from None


def find_method(pool: DescriptorPool, path: str) -> MethodDescriptor:
    """Return the method at *path*, such as ``/county.v1.Marriages/Find``.

    Raises:
        RouteError: If there is none.
    """
    slash, service, name = path[:1], *path[1:].partition("/")[::2]
    try:
        method = pool.FindServiceByName(service).FindMethodByName(name)
    except KeyError:
        raise RouteError("method", "is not in the descriptor set") from None
    if slash != "/":
        raise RouteError("method", "is a path such as `/county.v1.Marriages/Find`")
    return method


def verify_place(kind: Descriptor, records: Sequence[str]) -> None:
    """Return only if *records* leads from a message of *kind* to messages.

    Only the last step may be a list.

    Raises:
        RouteError: If it does not.
    """
    for number, name in enumerate(records, 1):
        field = kind.fields_by_name.get(name)
        inner = field.message_type if field is not None else None
        if field is None or inner is None or inner.GetOptions().map_entry:
            raise RouteError("records", f"names `{name}`, which is no message of `{kind.name}`")
        if field.is_repeated and number < len(records):
            raise RouteError("records", f"goes through the list `{name}`")
        kind = inner
