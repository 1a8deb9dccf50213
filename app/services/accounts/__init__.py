"""Accounts, log-ins and what users decide about each other."""
