"""Rooms, their members, invitations and retention."""
