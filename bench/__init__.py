"""Benchmarks of Parley and other servers in the same run: ``docs/performance-method.md``."""
