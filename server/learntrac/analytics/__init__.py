"""Analytics: what instructors see of all learners and learners of themselves, and reports to take away.

Owns the tables `common_path` and `export`; the figures are activity's. Announces `export.ready`.
"""
