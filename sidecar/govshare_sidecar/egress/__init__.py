# SPDX-License-Identifier: Apache-2.0
"""The onward guard at a consumer: in front of what it obtains, and of what leaves it."""
