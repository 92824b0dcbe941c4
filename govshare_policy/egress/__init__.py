# SPDX-License-Identifier: Apache-2.0
"""The onward guard: what was released is recognised when it is about to leave again."""
