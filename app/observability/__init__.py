"""What operators see: structured log lines without secrets, and the pieces of metrics."""
