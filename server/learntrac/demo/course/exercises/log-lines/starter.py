import json


def slowest(lines):
    found = [json.loads(line) for line in lines]
    return max(found, key=lambda entry: entry["ms"])["path"]
