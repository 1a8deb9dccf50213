"""What the server tells its operator: log lines, without anything secret."""
