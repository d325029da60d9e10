def match(patterns, path):
    for pattern in patterns:
        if pattern == path:
            return [pattern, {}]
    return None
