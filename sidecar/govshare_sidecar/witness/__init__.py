# SPDX-License-Identifier: Apache-2.0
"""Witnesses: the small server that cosigns logs, and the client that has this log cosigned."""
