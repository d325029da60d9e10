from datetime import datetime, timezone


def _iso(seconds):
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def represent(loan):
    return {
        "id": loan["id"],
        "tool_id": loan["tool_id"],
        "lent_at": _iso(loan["lent_at"]),
        "due_at": _iso(loan["due_at"]),
        "returned_at": _iso(loan["returned_at"]),
    }
