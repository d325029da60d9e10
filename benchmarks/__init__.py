"""Benchmarks: each module is a command that prints its figures. See README.md here."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The scratch Tracs and the scratch PostgreSQL are those of the tests, which are not installed.
sys.path.insert(0, str(ROOT / "server"))
