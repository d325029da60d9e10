"""The knowledge graph: a picture of it, the way to a concept, relationships that instructors add, and a linter.

Owns the table `relationship`. Prerequisites written in Trac are the catalog's (`prerequisite`); LearnTrac's own
`prerequisite_for` relationships join them there.
"""
