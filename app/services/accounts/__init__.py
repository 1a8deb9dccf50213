"""
Accounts, log-ins, and whom users block.

``authenticator`` decides whose access token a request carries; ``login_throttle`` how often a
password may be wrong; ``erasures`` how an account is deleted.

``blocks`` has no tests of its own: tests/api/test_blocks.py covers it.
"""
