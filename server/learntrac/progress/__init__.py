"""Progress: where a learner stands over the whole course, and how it came to that. Owns no table; reads the log and
standings.
"""
