# SPDX-License-Identifier: Apache-2.0
"""Answers of our own to callers of gRPC, in the place of the department's; pure."""

from base64 import b64encode
from collections.abc import Mapping
from http import HTTPStatus

from google.rpc import status_pb2

from govshare_policy.errors import GovshareError
from govshare_policy.gate import Answer
from govshare_sidecar._pb import envoy_pb2 as pb
from govshare_sidecar.envoy.heads import to_set
from govshare_sidecar.problem import record_headers
from govshare_sidecar.rich import DETAILS, rich_denial, rich_status


def denied_rpc(answer: Answer) -> pb.ProcessingResponse:
    """Return the end of an RPC that the denial *answer* is."""
    return _ending(rich_denial(answer), record_headers(answer))


def failed_rpc(error: GovshareError, answer: Answer | None = None) -> pb.ProcessingResponse:
    """Return the end of an RPC that *error* is; *answer* where it had been allowed before."""
    return _ending(rich_status(error), {} if answer is None else record_headers(answer))


def _ending(rich: status_pb2.Status, headers: Mapping[str, str]) -> pb.ProcessingResponse:
    details = b64encode(rich.SerializeToString()).decode("ascii").rstrip("=")
    ending = pb.ImmediateResponse(
        status=pb.HttpStatus(code=HTTPStatus.OK.value),
        headers=pb.HeaderMutation(set_headers=to_set([*headers.items(), (DETAILS, details)])),
        body=rich.message.encode(),
        grpc_status=pb.GrpcStatus(status=rich.code),
    )
    return pb.ProcessingResponse(immediate_response=ending)
