"""Accounts: sign-in with Trac's passwords, tokens, roles, profile.

Owns the tables `learner`, `auth_session` and `local_account`. Announces nothing.
"""
