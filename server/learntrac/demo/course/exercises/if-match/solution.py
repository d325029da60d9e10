def save(tool, if_match, value):
    if if_match is None:
        return [428, tool]
    seen = {part.strip() for part in if_match.split(",")}
    if "*" not in seen and f'"{tool["version"]}"' not in seen:
        return [412, tool]
    return [200, {"value": value, "version": tool["version"] + 1}]
