"""What the tests have covered, from slipcover's report: the files with gaps, and whether it is enough.

Run as `python -m tests.coverage_gates REPORT` after the tests.
"""

import json
import sys
from pathlib import Path
from typing import Any

import slipcover  # type: ignore[import-untyped] # it has none

GATES = {
    "learntrac/accounts/": 100.0,
    "learntrac/backends/sandbox/": 100.0,
    "learntrac/webhooks/": 100.0,
    "learntrac/analytics/escaping.py": 100.0,
    "learntrac/": 95.0,
}
"""So much of the lines and branches of a file, or below a folder, in percent, is covered at least.

Of the sandbox, what the server's own process does. What runs in a box or is built aside cannot be counted:
pyproject.toml names the files, `pragma: no cover` the functions, each with its reason.
"""


def covered(report: dict[str, Any], place: str) -> float:
    """The share of lines and branches there that the tests have been at, in percent."""
    found = [file for name, file in report["files"].items() if name.startswith(place)]
    yes = sum(len(file["executed_lines"]) + len(file["executed_branches"]) for file in found)
    no = sum(len(file["missing_lines"]) + len(file["missing_branches"]) for file in found)
    if not found:
        raise SystemExit(f"{place}: nothing of it was counted")
    return 100 * yes / (yes + no)


def main(file: str) -> int:
    report = json.loads(Path(file).read_text())
    slipcover.print_coverage(report, skip_covered=True, missing_width=100)
    enough = True
    for place, least in GATES.items():
        reached = covered(report, place)
        sys.stdout.write(f"{place} {reached:.2f} % covered, {least:g} % wanted\n")
        enough = enough and reached >= least
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
