"""Progress: where a learner stands over the whole course, how it came to that, and what comes next.

Reads the log and standings; owns the tables `learning_preference` and `placement_prior`, which adaptive writes.
"""
