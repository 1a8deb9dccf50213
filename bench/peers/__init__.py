"""
The servers that Parley is compared with, each as in its tutorial.

They follow the tutorials, with rooms added if a tutorial has a single room for all clients,
because the scenarios need them. None of them checks membership.
"""
