"""How Hypothesis makes examples here: importing this sets it for the whole process.

An example may take as long as a busy machine makes it take, and the same code is given the same examples every time:
what fails, fails everywhere. MASTIC_TEST_RANDOM=1 looks for new ones.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "mastic",
    deadline=None,
    derandomize=not os.environ.get("MASTIC_TEST_RANDOM"),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("mastic")
