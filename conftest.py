"""Settings of the whole test session."""

import os

# Parallel workers share the cores. With a thread for each core in each of them,
# torch spends most of its time waiting. Must be set before torch is loaded.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
