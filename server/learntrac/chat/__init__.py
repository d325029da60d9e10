"""The tutor in text: it answers from the course's own material, as far as what the learner knows allows.

Owns the tables `chat`, `chat_message`, `handover`, and the index of the course's passages: `passage`,
`passage_source`, `passage_word`, `passage_page`, `passage_state`, `passage_vector` and the full text `passage_text`.
Announces `tutor.handover_requested`.
"""
