"""What users can do: decide and commit, then publish."""
