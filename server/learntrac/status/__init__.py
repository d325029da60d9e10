"""Status: whether the server lives, and how each thing it stands on is doing. Owns no table."""
