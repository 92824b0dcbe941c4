# SPDX-License-Identifier: Apache-2.0
"""The sidecar: the process that operators put in front of an API."""
