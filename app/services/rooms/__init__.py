"""
Rooms, their members, invitations and retention.

``room_directory`` finds ids by name, ``room_views`` what one user sees of a room,
``membership_loader`` the rooms of a user.

``members`` and ``invites`` have no tests of their own: tests/api (test_members.py,
test_invites.py) covers them.
"""
