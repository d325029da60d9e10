"""Speaking with the tutor: live over a WebSocket, here or behind AWS API Gateway, and by uploaded recordings.

Owns `voice_connection` (open sockets), `voice_usage` (seconds of sound a day), `voice_audio` and `voice_audio_part`
(spoken answers, for an hour). What learners say is kept as text only, in the tutor's history.
"""
