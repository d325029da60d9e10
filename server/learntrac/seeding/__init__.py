"""`learntrac seed`: a Trac of any size with invented concepts and learners, for trials and benchmarks.

It fills only what it made itself, so that nobody's course and nobody's learning is touched.
"""
