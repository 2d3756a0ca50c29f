"""One job in a process of its own: ``python -m benchmarks.child JOB.json RESULT.json``.

Its peak memory is then its own, and when it crashes nothing else is lost.
"""

import importlib
import json
import sys
from pathlib import Path


def main(job_file: str, result_file: str) -> None:
    """Call the function named in the job file and write its rows as JSON."""
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    module_name, function_name = job["function"].split(":")
    function = getattr(importlib.import_module(module_name), function_name)
    rows = function(**job["arguments"])
    for row in rows:
        row["peak_memory_mb"] = round(peak_memory_mb(), 1)
    Path(result_file).write_text(json.dumps(rows), encoding="utf-8")


def peak_memory_mb() -> float:
    """Return the largest resident memory this process has had, in MiB."""
    # On Linux ru_maxrss also counts the parent's memory at the moment of the fork.
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(*sys.argv[1:])
