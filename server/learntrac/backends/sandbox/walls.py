"""The second wall: what a box's process gives up before it sees a line of a submission.

Landlock (no file, no TCP) with seccomp (no other call than it needs), and where the kernel lets anybody do so,
namespaces of its own without a network. Where there is no Landlock, an empty root in a mount namespace takes its
place. The calls are made by number: nothing has to be installed.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress

from learntrac.backends.sandbox.syscalls import Becomes, filter_program

NOBODY = 65534
MOST_FILES = 64
MOST_THREADS = 256

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_VERSION = 1
_EXECUTE, _READ_FILE, _READ_FOLDER = 1 << 0, 1 << 2, 1 << 3
_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000


class NoWall(Exception):
    """This kernel has no second wall to give; the message says what is missing."""


def build(*, readable: Sequence[str] = (), memory_bytes: int | None = None) -> list[str]:
    """Give up everything but what runs already and reading these folders; returns the walls that now stand.

    Must be called before the process has a second thread. Raises NoWall where there are not two: one that keeps from
    files, and seccomp.
    """
    walls = _give_up(memory_bytes, file_bytes=0)
    if _landlock(readable):
        walls.append("landlock")
    elif walls and not readable and _empty_root():
        walls.append("empty root")
    else:
        raise NoWall("the kernel has no Landlock, and lets this user have no namespaces")
    _seccomp()
    return [*walls, "seccomp"]


def surround(*, readable: Sequence[str], executable: Sequence[str], file_bytes: int) -> list[str]:
    """The outer walls of a process that begins others, each of which must `enclose` itself: no file but these folders
    to read and these files to execute, and the namespaces. It may write so much to what it makes in memory.

    Raises NoWall where there is no Landlock.
    """
    walls = _give_up(None, file_bytes=file_bytes)
    if not _landlock(readable, executable):
        raise NoWall("the kernel has no Landlock")
    return [*walls, "landlock", "seccomp"]


def enclose(becomes: Becomes, *, memory_bytes: int, file_bytes: int, cpu_seconds: int | None = None) -> None:
    """The inner walls of a process that `surround` stands around already, before it becomes another program: seccomp,
    and for what writes nothing no file at all. Raises NoWall.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    if cpu_seconds is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    if not becomes.writes and not _landlock(()):
        raise NoWall("the kernel has no Landlock")
    _seccomp(becomes)


def die_with_parent(parent: int) -> None:
    """End at once when the process `parent` that began this one ends, however it ends."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def close_descriptors() -> None:
    """Close all but standard input, output and error."""
    os.closerange(3, max(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 4096))


def _give_up(memory_bytes: int | None, *, file_bytes: int) -> list[str]:
    """All that a process can give up by itself; the namespaces, where there are any."""
    if sys.platform != "linux":
        raise NoWall(f"{sys.platform} has neither Landlock nor seccomp")
    _limit(memory_bytes, file_bytes)
    _become_nobody()
    walls = ["namespaces"] if _unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS) else []
    if walls:
        # Counted by user namespace: outside of one, this would count everything that the user runs.
        resource.setrlimit(resource.RLIMIT_NPROC, (MOST_THREADS, MOST_THREADS))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    return walls


def _limit(memory_bytes: int | None, file_bytes: int) -> None:
    files = (resource.RLIMIT_FSIZE, file_bytes)
    for kind, most in ((resource.RLIMIT_CORE, 0), files, (resource.RLIMIT_NOFILE, MOST_FILES)):
        resource.setrlimit(kind, (most, most))
    if memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))


def _become_nobody() -> None:
    """Root becomes a user who owns nothing."""
    if os.geteuid() != 0:
        return
    parent = os.getppid()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    _prctl(_PR_SET_DUMPABLE, 0)
    die_with_parent(parent)  # A change of user forgets it.


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _syscall(number: int, *arguments: object) -> int:
    libc = _libc()
    libc.syscall.restype = ctypes.c_long
    return int(libc.syscall(ctypes.c_long(number), *arguments))


def _prctl(option: int, value: int) -> None:
    if _libc().prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise NoWall(f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def _unshare(flags: int) -> bool:
    return bool(_libc().unshare(flags) == 0)


def _landlock(readable: Sequence[str], executable: Sequence[str] = ()) -> bool:
    """No file but these folders, to read, and these files, to execute; no TCP; no signal and no abstract socket to
    the outside. By what the kernel's Landlock knows.
    """
    version = _syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_LANDLOCK_VERSION))
    if version < 1:
        return False
    files = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    rules = struct.pack("=QQQ", files, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _syscall(_LANDLOCK_CREATE, rules, ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    for folder in readable:
        with suppress(OSError):
            _let_read(ruleset, folder)
    for file in executable:
        with suppress(OSError):
            _let(ruleset, file, _EXECUTE | _READ_FILE)
    done = _syscall(_LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    os.close(ruleset)
    return done == 0


def _let_read(ruleset: int, folder: str) -> None:
    allowed = _READ_FILE | _READ_FOLDER if os.path.isdir(folder) else _READ_FILE  # noqa: PTH112 - no more imports here
    _let(ruleset, folder, allowed)


def _let(ruleset: int, path: str, allowed: int) -> None:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = struct.pack("=Qi", allowed, handle)
    _syscall(_LANDLOCK_ADD, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0))
    os.close(handle)


def _empty_root() -> bool:
    """A root folder with nothing in it, in a mount namespace of its own."""
    libc = _libc()
    return bool(
        libc.unshare(_CLONE_NEWNS) == 0
        and libc.mount(None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None) == 0
        and libc.mount(b"none", b"/tmp", b"tmpfs", ctypes.c_ulong(0), b"size=4k,mode=0555") == 0
        and libc.chroot(b"/tmp") == 0
        and libc.chdir(b"/") == 0
    )


def _seccomp(becomes: Becomes | None = None) -> None:
    machine = platform.machine()
    try:
        program = filter_program(machine, pid=os.getpid(), becomes=becomes)
    except KeyError:
        raise NoWall(f"nobody has written the filter down for {machine}") from None
    steps = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(steps))
    flags = ctypes.c_uint(_SECCOMP_FILTER_FLAG_TSYNC)
    if _syscall(_SECCOMP[machine], ctypes.c_uint(_SECCOMP_SET_MODE_FILTER), flags, described) != 0:
        raise NoWall(f"seccomp: {os.strerror(ctypes.get_errno())}")
