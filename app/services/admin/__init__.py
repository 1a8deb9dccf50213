"""
What operators do. Each action writes its entry of the audit log in the same transaction.

``audit_log`` and ``audited_database`` have no tests of their own:
tests/services/admin/test_admin_service.py covers them.
"""
