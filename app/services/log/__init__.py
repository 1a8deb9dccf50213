"""The log of every room: group commit, and appends that share a transaction."""
