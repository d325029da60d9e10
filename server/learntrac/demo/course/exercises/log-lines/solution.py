import json
from statistics import median


def _read(line):
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
        return None
    ms = entry.get("ms")
    if isinstance(ms, bool) or not isinstance(ms, (int, float)):
        return None
    return entry["path"], ms


def slowest(lines):
    times = {}
    for found in map(_read, lines):
        if found is not None:
            times.setdefault(found[0], []).append(found[1])
    if not times:
        return None
    ranked = sorted((-float(median(each)), path) for path, each in times.items())
    return [ranked[0][1], -ranked[0][0]]
