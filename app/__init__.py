"""Parley: a self-hosted chat backend in which the live feed is the archive."""
