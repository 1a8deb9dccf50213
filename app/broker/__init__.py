"""
Notifications between the nodes of one installation.

``base`` has the contract, and each other module an implementation. The database is the truth: a
notification is a hint, which may be lost, repeated or reordered.
"""
