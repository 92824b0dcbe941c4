# SPDX-License-Identifier: Apache-2.0
"""gRPC over HTTP/2 without grpcio's transport: libnghttp2 speaks HTTP/2, and gRPC is spoken here.

It serves what grpcio's asyncio server serves, handler for handler, at a fraction of its cost for
each call (docs/adr/0021).
"""
