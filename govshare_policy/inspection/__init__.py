# SPDX-License-Identifier: Apache-2.0
"""What auditors do with a log: ask it, prove parts of it, hand it on, and report on it."""
