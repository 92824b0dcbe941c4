# SPDX-License-Identifier: Apache-2.0
"""The entrance for Envoy: the services that its filters ``ext_proc`` and ``ext_authz`` ask."""
