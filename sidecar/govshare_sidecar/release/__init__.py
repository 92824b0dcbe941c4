# SPDX-License-Identifier: Apache-2.0
"""What may leave: exactly the granted fields of a department's answer, in whatever form it came.

:mod:`.answer` is where an entrance begins, :mod:`.arriving` where the answer is released while it
comes. One module for each form reads it strictly and builds anew what leaves; nothing is copied.
"""
