# SPDX-License-Identifier: Apache-2.0
"""A descriptor set for the tests of what reads one, made without a compiler."""

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

_Field = descriptor_pb2.FieldDescriptorProto
_KINDS = {"text": _Field.TYPE_STRING, "number": _Field.TYPE_INT64, "double": _Field.TYPE_DOUBLE}


def _add(file: descriptor_pb2.FileDescriptorProto, kind: str, *fields: tuple[str, str]) -> None:
    message = file.message_type.add(name=kind)
    for number, (name, stated) in enumerate(fields, 1):
        is_list, what = stated.endswith("*"), stated.rstrip("*")
        field = message.field.add(name=name, number=number, label=3 if is_list else 1)
        field.type = _KINDS.get(what, _Field.TYPE_MESSAGE)
        if what not in _KINDS:
            field.type_name = f".t.{what}"


def descriptors() -> descriptor_pb2.FileDescriptorSet:
    """Return a set of one file: records, what they stand in, and a service."""
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    _add(file, "Inner", ("text", "text"), ("more", "text"))
    _add(
        file,
        "Record",
        ("a", "text"),
        ("b", "text"),
        ("n", "number"),
        ("d", "double"),
        ("inner", "Inner"),
        ("list", "text*"),
        ("inners", "Inner*"),
    )
    _add(file, "Page", ("items", "Record*"), ("total", "number"), ("one", "Record"))
    _add(file, "Answer", ("page", "Page"), ("note", "text"), ("pages", "Page*"))
    service = file.service.add(name="Records")
    service.method.add(name="Get", input_type=".t.Inner", output_type=".t.Answer")
    return descriptor_pb2.FileDescriptorSet(file=[file])


def pool() -> DescriptorPool:
    known = DescriptorPool()
    for file in descriptors().file:
        known.Add(file)
    return known


POOL = pool()


def kind(name: str) -> Descriptor:
    return POOL.FindMessageTypeByName(f"t.{name}")


def make(name: str, **fields: object) -> Message:
    return message_factory.GetMessageClass(kind(name))(**fields)
