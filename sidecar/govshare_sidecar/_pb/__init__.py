# SPDX-License-Identifier: Apache-2.0
"""Generated from ``proto/`` by ``tools/gen_proto.py``; not edited by hand."""
