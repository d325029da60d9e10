"""Compile run.txt and dev.txt from pyproject.toml: pinned, with hashes, and without any index's address."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Relative to where the compiler runs: it writes the path into the file, and a machine's folders have no place there.
FOLDER = HERE.name
FLAGS = ("--quiet", "--strip-extras", "--generate-hashes", "--allow-unsafe", "--no-emit-index-url")
FLAGS += ("--no-emit-find-links", "--no-emit-trusted-host", "--no-header")


def compile_to(name: str, *more: str) -> None:
    """Write one requirements file."""
    command = [sys.executable, "-m", "piptools", "compile", *FLAGS, *more, "-o", f"{FOLDER}/{name}", "pyproject.toml"]
    subprocess.run(command, cwd=HERE.parent, check=True)  # noqa: S603 - our own command line


compile_to("run.txt", "--extra", "trac")
# The same versions where both files name a package: tests are run with what people run.
compile_to("dev.txt", "--extra", "trac", "--extra", "dev", "-c", f"{FOLDER}/run.txt")
