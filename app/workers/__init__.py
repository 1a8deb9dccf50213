"""Several worker processes behind one port, and the supervisor that keeps them running."""
