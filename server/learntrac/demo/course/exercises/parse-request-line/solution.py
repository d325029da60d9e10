def parse_request_line(line):
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/"):
        raise ValueError(f"no request line: {line!r}")
    method, target, version = parts
    path, _, query = target.partition("?")
    return {"method": method, "path": path, "query": query, "version": version.removeprefix("HTTP/")}
