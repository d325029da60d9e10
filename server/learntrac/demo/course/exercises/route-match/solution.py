def _fits(pattern, path):
    parts, given = pattern.split("/"), path.split("/")
    if len(parts) != len(given):
        return None
    found = {}
    for part, value in zip(parts, given):
        if part.startswith("{") and part.endswith("}"):
            if not value:
                return None
            found[part[1:-1]] = value
        elif part != value:
            return None
    return found


def match(patterns, path):
    for pattern in sorted(patterns, key=lambda pattern: "{" in pattern):
        found = _fits(pattern, path)
        if found is not None:
            return [pattern, found]
    return None
