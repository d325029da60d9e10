"""Mastery: the evidence of what a learner knows, the score made from it, and where the learner stands.

Owns the tables `evidence`, `learner_state`, `standing`, `contest`, `learning_event` and `achievement`. Announces
`concept.started`, `concept.completed`, `concept.mastered`, `milestone.achieved`, `user.struggled` and
`achievement.unlocked`.
"""
