"""Practice & Exercises: tasks that grade themselves, attempts at them, and what an attempt proves.

Owns the tables `exercise`, `exercise_version`, `exercise_session`, `exercise_standing` and `submission`. Announces
`exercise.submitted`. An exercise belongs to a concept; one of a concept that the caller may not view does not exist.
"""
