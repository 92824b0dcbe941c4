# SPDX-License-Identifier: Apache-2.0
"""Signed bundles: packs and registers in one directory, under one SM2 signature.

:func:`build_bundle` makes one, :func:`sign_bundle` vouches for it, and
:func:`load_signed_bundle` takes nothing from it that the signature does not cover.
"""

from govshare_policy.signed.build import build_bundle
from govshare_policy.signed.manifest import BundleManifest, FileEntry, signed_message
from govshare_policy.signed.verify import load_signed_bundle, sign_bundle, verify_bundle

__all__ = [
    "BundleManifest",
    "FileEntry",
    "build_bundle",
    "load_signed_bundle",
    "sign_bundle",
    "signed_message",
    "verify_bundle",
]
