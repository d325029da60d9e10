"""Privacy: who saw whose data, and one learner's data exported and erased.

Owns no table: `sections.py` says of every feature's tables what in them is personal. It stands above the features, as
it must see all of them; its doors list the audit log and hand learners what is stored about them.
"""
