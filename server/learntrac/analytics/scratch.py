"""Folders for reports that are being made. A worker that is killed leaves its own behind, with learners in it: the next
report that is made on this machine removes it.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "learntrac-export-"


@contextmanager
def folder(*, lost_after_seconds: float) -> Iterator[Path]:
    """A new folder, gone at the end. Those of reports that were begun longer ago than they may take go first."""
    _remove_lost(before=time.time() - lost_after_seconds)
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        yield Path(name)


def _remove_lost(*, before: float) -> None:
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if left.stat().st_mtime < before:
                shutil.rmtree(left)
        except OSError:  # another worker's, or just removed by it
            continue
