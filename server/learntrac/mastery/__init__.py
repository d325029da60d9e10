"""Mastery: the evidence of what a learner knows, the score made from it, and where the learner stands.

Owns the tables `evidence`, `standing` and `learning_event`.
"""
