"""Settings of the whole test session."""

import os
from importlib.util import find_spec

# Pictures are an extra, and so are the examples in their docstrings.
if find_spec("matplotlib") is None:
    collect_ignore_glob = ["sklearn_tsrep/plotting/*.py"]

# Parallel workers share the cores. With a thread for each core in each of them,
# torch spends most of its time waiting. Must be set before torch is loaded.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
