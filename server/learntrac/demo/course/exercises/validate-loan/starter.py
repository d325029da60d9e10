def check(body):
    return [] if body.get("tool_id") else [["tool_id", "is missing"]]
