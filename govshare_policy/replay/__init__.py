# SPDX-License-Identifier: Apache-2.0
"""Deciding recorded calls again: does the law that is said to have decided say the same?

:class:`Archive` finds the policy that a record names; :func:`replay` asks it again with what the
record says was asked, by whom, when and on which facts, and compares every byte.
"""

from govshare_policy.replay.again import Replayed, Verdict, replay
from govshare_policy.replay.archive import Archive, Loader, load_bundle_directory

__all__ = ["Archive", "Loader", "Replayed", "Verdict", "load_bundle_directory", "replay"]
