"""The process of one run in Go: the submission is compiled and linked behind walls, and then run behind narrower ones.

    python -I -m learntrac.backends.sandbox.golang PARENT PACKAGES COMPILER LINKER MEMORY_BYTES

Compiler and linker are called as they are, each in a process that begins no other; sources, archive and program are
files in memory only. The program talks to the server by itself; this process waits for its end, and tells of it.
"""

import fcntl
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, NoReturn

from learntrac.backends.sandbox import MEBIBYTE, compiling, frames, standing, walls
from learntrac.backends.sandbox.syscalls import Becomes
from learntrac.backends.sandbox.toolchain import COMPILE_LIST, LINK_LIST, STANDARD

TOOL_MEMORY_BYTES = 1024 * MEBIBYTE
TOOL_CPU_SECONDS = 10
TOOL_FILE_BYTES = 64 * MEBIBYTE
OWN_BYTES = 128 * MEBIBYTE
"""What Go keeps for itself of what it may write to."""
MOST_PRINTED_BYTES = 16 * MEBIBYTE
"""What is printed in one call after that is lost; what is shown of it is cut off much sooner."""
_SOURCE, _CALLS, _ARCHIVE, _PROGRAM, _PACKAGES, _ITSELF = 3, 4, 5, 6, 7, 8
_FREE_FROM = 20
_PLACED = "/proc/self/fd/{}"
_COMPILE = ("compile", "-p", "main", "-complete", "-pack", "-c", "1", "-trimpath", "/proc/self/fd=>",
            "-importcfg", f"{STANDARD}/{COMPILE_LIST}", "-o", _PLACED.format(_ARCHIVE),
            _PLACED.format(_SOURCE), _PLACED.format(_CALLS))  # fmt: skip
_LINK = ("link", "-s", "-w", "-linkmode=internal", "-buildmode=exe", "-importcfg", f"{STANDARD}/{LINK_LIST}",
         "-o", _PLACED.format(_PROGRAM), _PLACED.format(_ARCHIVE))  # fmt: skip


@dataclass(frozen=True)
class Tools:
    """Open files: the folder of compiled packages, the compiler and the linker."""

    packages: int
    compiler: int
    linker: int


def serve_one(tools: Tools, memory_bytes: int, receive: BinaryIO, send: BinaryIO) -> None:
    """Serve one run. The first reply says what is wrong with the source, or the number of the program's process."""
    frames.write(send, frames.READY, "")
    order = json.loads(frames.read(receive))
    program, problem = build_program(tools, order)
    if program is None:
        frames.write(send, frames.SAID, json.dumps({"problem": problem}))
        frames.read(receive)
        return
    printed = in_memory()
    child, release = begin(partial(_become_program, program, printed, memory_bytes))
    frames.write(send, frames.SAID, json.dumps({"problem": None, "pid": child}))
    release()
    os.waitpid(child, 0)
    frames.write(send, frames.ENDED, compiling.why_it_ended(contents(printed)))


def build_program(tools: Tools, order: Mapping[str, Any]) -> tuple[int | None, str]:
    """The program as an open file, or what is wrong with the source."""
    source, functions = order["source"], sorted(set(order["functions"]))
    while True:
        files = {
            _SOURCE: in_memory(compiling.as_main(source)),
            _CALLS: in_memory(compiling.calls_of(source, functions, order["output"])),
            _ARCHIVE: in_memory(),
            _PACKAGES: tools.packages,
        }
        said, done = run_tool(tools.compiler, _COMPILE, files)
        absent = [] if done else compiling.absent_functions(said)
        if not absent:
            break
        functions = [name for name in functions if name not in absent]
    if not done:
        return None, compiling.what_is_wrong(said)
    files |= {_PROGRAM: in_memory()}
    said, done = run_tool(tools.linker, _LINK, files)
    if not done:
        return None, f"It could not be linked. {said[: compiling.LONGEST_TOLD].strip()}".strip()
    return read_only(files[_PROGRAM]), ""


def run_tool(tool: int, command: tuple[str, ...], files: Mapping[int, int]) -> tuple[str, bool]:
    """What it said, and whether it did what it should."""
    said = in_memory()
    child, release = begin(partial(_become_tool, tool, command, {**files, 1: said, 2: said}))
    release()
    _, status = os.waitpid(child, 0)
    return contents(said), status == 0


def begin(become: Callable[[], NoReturn]) -> tuple[int, Callable[[], None]]:
    """Another process, which waits until it is released; it ends with this one."""
    parent, (wait, go) = os.getpid(), os.pipe()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            walls.die_with_parent(parent)
            os.close(go)
            os.read(wait, 1)
            become()
        os._exit(1)
    os.close(wait)
    return child, partial(os.close, go)


def _become_tool(tool: int, command: tuple[str, ...], files: Mapping[int, int]) -> NoReturn:
    place({0: in_memory(), **files, _ITSELF: tool})
    os.set_inheritable(_ITSELF, False)  # noqa: FBT003 - as os has it
    becomes = Becomes(_ITSELF, writes=True)
    walls.enclose(becomes, memory_bytes=TOOL_MEMORY_BYTES, file_bytes=TOOL_FILE_BYTES, cpu_seconds=TOOL_CPU_SECONDS)
    os.execve(_ITSELF, command, {})  # noqa: S606 - a tool of Go's


def _become_program(program: int, printed: int, memory_bytes: int) -> NoReturn:
    place({0: in_memory(), 1: printed, 2: printed, 3: 0, 4: 1, _ITSELF: program})
    os.set_inheritable(_ITSELF, False)  # noqa: FBT003 - as os has it
    becomes = Becomes(_ITSELF, writes=False)
    walls.enclose(becomes, memory_bytes=memory_bytes + OWN_BYTES, file_bytes=MOST_PRINTED_BYTES)
    os.execve(_ITSELF, ["submission"], {})  # noqa: S606 - this is what a box is for


def place(files: Mapping[int, int]) -> None:
    """Have exactly these files open, under these numbers."""
    apart = {number: fcntl.fcntl(file, fcntl.F_DUPFD, _FREE_FROM) for number, file in files.items()}
    for number, file in apart.items():
        os.dup2(file, number)
    first_free = max(files) + 1
    for number in range(first_free):
        if number not in files:
            with suppress(OSError):
                os.close(number)
    os.closerange(first_free, walls.MOST_FILES)


def in_memory(text: str = "") -> int:
    """A file that is nowhere; what is written to it goes to its end."""
    file = os.memfd_create("box")
    fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
    os.write(file, text.encode(errors="replace"))
    return file


def contents(file: int) -> str:
    """What stands in it, or the end of that."""
    begin_at = max(0, os.fstat(file).st_size - compiling.LONGEST_READ_BYTES)
    return os.pread(file, compiling.LONGEST_READ_BYTES, begin_at).decode(errors="replace")


def read_only(file: int) -> int:
    """The same file, which nobody can write any more: else it would not be run."""
    opened = os.open(_PLACED.format(file), os.O_RDONLY | os.O_CLOEXEC)
    os.close(file)
    return opened


def main() -> None:
    """Open what is needed, build the walls, without which nothing is run here, then serve."""
    opened: list[int] = []

    def prepare(receive: BinaryIO, send: BinaryIO) -> standing.Serve:
        opened.extend(os.open(path, os.O_RDONLY | os.O_CLOEXEC) for path in sys.argv[2:5])
        return partial(serve_one, Tools(*opened), int(sys.argv[5]), receive, send)

    def build() -> list[str]:
        packages, *tools = map(_PLACED.format, opened)
        return walls.surround(readable=[packages], executable=tools, file_bytes=TOOL_FILE_BYTES)

    standing.begin(prepare, build=build, insist=True)


if __name__ == "__main__":
    main()
