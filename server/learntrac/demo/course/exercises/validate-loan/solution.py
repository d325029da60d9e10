def _wrong(body, field, most, said):
    if field not in body:
        return "is missing"
    value = body[field]
    if isinstance(value, bool) or not isinstance(value, int):
        return "must be a whole number"
    if value < 1 or (most is not None and value > most):
        return said
    return None


def check(body):
    if not isinstance(body, dict):
        return [["", "must be an object"]]
    found = {
        "days": _wrong(body, "days", {{longest}}, "must be 1 to {{longest}}"),
        "tool_id": _wrong(body, "tool_id", None, "must be at least 1"),
    }
    return [[field, said] for field, said in sorted(found.items()) if said]
