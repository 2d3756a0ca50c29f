"""Benchmarks of sklearn_tsrep, run as ``python -m benchmarks TASK`` from the root."""
