# SPDX-License-Identifier: Apache-2.0
"""A department's gRPC API for tests: a real server on loopback, which remembers its questions."""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

SERVICE = "/county.v1.Marriages"
_TEXT = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_NUMBER = descriptor_pb2.FieldDescriptorProto.TYPE_INT64
_DOUBLE = descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE
_METHODS = {
    "Find": ("Query", "Marriage", False, False),
    "List": ("Query", "Found", False, False),
    "Watch": ("Query", "Marriage", False, True),
    "Upload": ("Query", "Marriage", True, False),
    "Talk": ("Query", "Marriage", True, True),
    "Hidden": ("Query", "Marriage", False, False),
}


def _message(
    file: descriptor_pb2.FileDescriptorProto, kind: str, /, **fields: tuple[int, str, bool]
) -> None:
    message = file.message_type.add(name=kind)
    for number, (key, (type_, type_name, is_list)) in enumerate(fields.items(), 1):
        message.field.add(
            name=key,
            number=number,
            type=type_ or descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
            type_name=type_name or None,
            label=3 if is_list else 1,
        )


def descriptors() -> descriptor_pb2.FileDescriptorSet:
    """Return what ``protoc`` would make of the API's file."""
    file = descriptor_pb2.FileDescriptorProto(
        name="county/v1/marriages.proto", package="county.v1", syntax="proto3"
    )
    _message(file, "Query", id_no=(_TEXT, "", False), page=(_NUMBER, "", False))
    _message(file, "Name", text=(_TEXT, "", False))
    _message(
        file,
        "Marriage",
        id_no=(_TEXT, "", False),
        name=(0, ".county.v1.Name", False),
        marital_status=(_TEXT, "", True),
        reg_date=(_TEXT, "", False),
        weight=(_DOUBLE, "", False),
    )
    _message(file, "Page", items=(0, ".county.v1.Marriage", True), total=(_NUMBER, "", False))
    _message(file, "Found", page=(0, ".county.v1.Page", False), note=(_TEXT, "", False))
    service = file.service.add(name="Marriages")
    for name, (taken, given, many_in, many_out) in _METHODS.items():
        service.method.add(
            name=name,
            input_type=f".county.v1.{taken}",
            output_type=f".county.v1.{given}",
            client_streaming=many_in,
            server_streaming=many_out,
        )
    return descriptor_pb2.FileDescriptorSet(file=[file])


def pool() -> DescriptorPool:
    """Return a pool that knows them."""
    known = DescriptorPool()
    for file in descriptors().file:
        known.Add(file)
    return known


POOL = pool()


def make(kind: str, **fields: object) -> Message:
    """Return a message of ``county.v1``."""
    message = message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"county.v1.{kind}"))
    return message(**fields)


def parse(kind: str, data: bytes) -> Any:  # noqa: ANN401  generated classes
    """Return the message in *data*, with whatever it holds that the descriptors do not know."""
    message = message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"county.v1.{kind}"))
    return message.FromString(data)


def marriage(number: int = 1) -> bytes:
    """Return a record with more in it than may leave, and more than the descriptors know."""
    known = make(
        "Marriage",
        id_no=f"ID{number}",
        name={"text": "示例甲"},
        marital_status=["已婚", "再婚"],
        reg_date="SECRET",
        weight=0.1,
    )
    inner = make("Name", text="示例甲").SerializeToString() + UNKNOWN
    return known.SerializeToString() + UNKNOWN + b"\x12" + bytes([len(inner)]) + inner


# Field 15, a text.
UNKNOWN = b"\x7a\x06SECRET"


@dataclass(kw_only=True)
class RpcAsked:
    """What the department was asked."""

    path: str
    metadata: dict[str, Any]
    remaining_s: float | None
    messages: list[bytes] = field(default_factory=list)
    ended: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)


class RpcDepartment:
    """Answers every RPC with :attr:`replies`, or one to each message where those come too."""

    def __init__(self) -> None:
        self.replies: list[bytes] = [marriage()]
        self.code: grpc.StatusCode = grpc.StatusCode.OK
        # While it is clear, nothing more is answered but to whoever has gone.
        self.let = threading.Event()
        self.let.set()
        self.asked: list[RpcAsked] = []

    def reset(self) -> None:
        """Be as if nobody had asked anything."""
        self.__init__()  # type: ignore[misc]

    def answer(
        self, path: str, messages: Iterable[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        asked = RpcAsked(
            path=path,
            metadata=dict(context.invocation_metadata()),
            remaining_s=context.time_remaining(),
        )
        self.asked.append(asked)
        let = self.let

        def over() -> None:
            if not asked.ended:
                asked.cancelled.set()
            let.set()

        if not context.add_callback(over):
            over()
        context.send_initial_metadata((("x-served-by", "one"), ("x-secret", "SECRET")))
        context.set_trailing_metadata((("x-total", "9"), ("x-secret", "SECRET")))
        if path.endswith("Talk"):
            for message in messages:
                asked.messages.append(message)
                yield self.replies[0]
        else:
            asked.messages.extend(messages)
            for number, reply in enumerate(self.replies):
                if number:
                    let.wait(60)
                yield reply
        if len(self.replies) == 1:
            let.wait(60)
        asked.ended = True
        if self.code is not grpc.StatusCode.OK:
            context.abort(self.code, "SECRET")


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, state: RpcDepartment) -> None:
        self._state = state

    def service(self, details: grpc.HandlerCallDetails) -> Any:  # noqa: ANN401  of four kinds
        path = details.method
        _, _, many_in, many_out = _METHODS.get(path.rpartition("/")[2], ("", "", False, False))

        def answer(argument: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401  as above
            messages = argument if many_in else (argument,)
            replies = self._state.answer(path, messages, context)
            if many_out:
                return replies
            first = next(replies)
            for _ in replies:
                """Let it end."""
            return first

        kinds = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }
        return kinds[many_in, many_out](answer)


def serves(state: RpcDepartment) -> grpc.GenericRpcHandler:
    """Return what has a server answer for *state*."""
    return _Handler(state)


@contextmanager
def rpc_department() -> Iterator[tuple[str, RpcDepartment]]:
    """Run a department and give its URL."""
    state = RpcDepartment()
    server = grpc.server(ThreadPoolExecutor(8), handlers=[_Handler(state)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}", state
    finally:
        server.stop(None).wait()


def configuration(upstream: str, directory: Path) -> str:
    """Return the table of a proxy in front of the department, with its descriptors written."""
    (directory / "county.pb").write_bytes(descriptors().SerializeToString())
    routes = "".join(
        f"""
[[grpc_proxy.route]]
method = "{SERVICE}/{name}"
resource = "R08"
records = "{"page.items" if name == "List" else ""}"
"""
        for name in ("Find", "List", "Watch", "Upload", "Talk")
    )
    return f"""
[grpc_proxy]
listen = "127.0.0.1:0"
upstream = "{upstream}"
upstream_timeout_s = 3.0
stream_timeout_s = 20
max_request_bytes = 65536
max_response_bytes = 1048576
descriptor_set = "county.pb"
metadata = ["x-request-id"]
response_metadata = ["x-served-by", "x-total"]
{routes}"""
