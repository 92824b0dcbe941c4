# SPDX-License-Identifier: Apache-2.0
"""The reverse proxy in front of a department's gRPC API.

:mod:`.proxy` takes the RPC, :mod:`.call` reads a call out of it, :mod:`.exchange` has it decided,
asks :mod:`.upstream` and lets the released fields out.
"""
