"""Certificates and badges: what a learner has mastered or earned, on paper, on a public page, and as a credential that
anybody can verify without asking us.

Owns the tables `certificate` and `signing_key`. Announces nothing. Given for graded evidence of the server's own only.
"""
