"""Concepts: Trac tickets as things to learn; list, detail, start and complete.

Owns the table `learning_session`; reads the catalog that `trac` keeps.
"""
