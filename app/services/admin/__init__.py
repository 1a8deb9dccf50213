"""What operators do. Every act leaves an entry in the audit log."""
