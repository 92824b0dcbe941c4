# SPDX-License-Identifier: Apache-2.0
"""What ``govshare init`` writes: the sample county, templates, and a sample department's API."""
