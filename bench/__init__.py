"""How fast it is, beside other servers in the same run: ``docs/performance-method.md``."""
