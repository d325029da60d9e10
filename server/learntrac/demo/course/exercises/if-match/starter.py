def save(tool, if_match, value):
    tool["value"] = value
    tool["version"] += 1
    return [200, tool]
