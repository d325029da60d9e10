"""What next and why: recommendations, feedback that moves them, placement, and achievements.

Owns the tables `concept_feedback` and `placement`; what both leave behind for the ranking are progress' tables
`learning_preference` and `placement_prior`.
"""
