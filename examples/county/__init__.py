# SPDX-License-Identifier: Apache-2.0
"""A day in the invented county 青岚县: real services, real connections, two texts of law."""
