"""Activity: what learners did, day by day, as rows that can be added up. Every figure of learning is made from them.

Reads the log of events, graded answers and sessions. Owns the tables `activity_day`, `day_total`, `window_change`,
`concept_window`, `learner_total` and `activity_state`: all of them can be made again from the log.
Announces nothing.
"""
