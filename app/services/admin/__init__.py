"""
What operators do. Each action writes its entry of the audit log in the same transaction.

``audit_log``, ``audited_database`` and ``room_admin`` have no tests of their own:
tests/services/admin/test_admin_service.py checks the entries and the rooms together.
"""
