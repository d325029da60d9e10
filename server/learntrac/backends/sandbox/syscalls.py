"""The seccomp filter: which system calls a box's process has left, as a program for the kernel's packet filter.

The numbers are the kernel's own (`asm/unistd_64.h`, `asm-generic/unistd.h`): they never change. Everything that is not
named fails with EPERM.
"""

import errno
import struct
from dataclasses import dataclass

X86_64, AARCH64 = 0xC000003E, 0xC00000B7
"""AUDIT_ARCH_…: the convention that a call was made by; another than ours is not let through."""

_ALLOWED: dict[str, tuple[int, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "poll": (7, None),
    "lseek": (8, 62),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "readv": (19, 65),
    "writev": (20, 66),
    "access": (21, None),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "dup": (32, 23),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "exit": (60, 93),
    "uname": (63, 160),
    "getcwd": (79, 17),
    "readlink": (89, None),
    "gettimeofday": (96, 169),
    "sysinfo": (99, 179),
    "getuid": (102, 174),
    "getgid": (104, 176),
    "geteuid": (107, 175),
    "getegid": (108, 177),
    "getppid": (110, 173),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "getdents64": (217, 61),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "epoll_wait": (232, None),
    "epoll_ctl": (233, 21),
    "openat": (257, 56),
    "newfstatat": (262, 79),
    "readlinkat": (267, 78),
    "set_robust_list": (273, 99),
    "get_robust_list": (274, 100),
    "epoll_pwait": (281, 22),
    "eventfd2": (290, 19),
    "epoll_create1": (291, 20),
    "pipe2": (293, 59),
    "getrandom": (318, 278),
    "memfd_create": (319, 279),
    "membarrier": (324, 283),
    "statx": (332, 291),
    "rseq": (334, 293),
}
_CLONE, _CLONE3, _TGKILL, _PRLIMIT64, _FCNTL = (56, 220), (435, 435), (234, 131), (302, 261), (72, 25)
_MMAP, _EXECVEAT, _ARCH_PRCTL = (9, 222), (322, 281), (158, None)
_MEMFD_CREATE, _FTRUNCATE = "memfd_create", (77, 46)
_WRITING = {"fallocate": (285, 47), "ftruncate": _FTRUNCATE, "pwrite64": (18, 68)}
_MAP_SHARED, _AT_EMPTY_PATH, _ARCH_SET_FS = 1, 0x1000, 0x1002
_CLONE_THREAD = 0x00010000
_F_DUPFD_CLOEXEC, _F_GETFD, _F_SETFD, _F_GETFL = 1030, 1, 2, 3

_LOAD, _JUMP_EQUAL, _JUMP_SET, _RETURN, _JUMP_AT_LEAST = 0x20, 0x15, 0x45, 0x06, 0x35
_JUMP_CLEAR = -1
"""No step of the kernel's: a jump where bits are set, the other way round."""
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_FLAGS = _ARGUMENTS + 24
"""Where `struct seccomp_data` keeps them; an argument takes eight bytes, the lower half first on both machines."""
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_X32 = 0x40000000


@dataclass(frozen=True)
class Rule:
    """One call, let through where each of these 32-bit halves of its arguments has this value, or holds these bits."""

    number: int
    equal: tuple[tuple[int, int], ...] = ()
    """Offset into the arguments, and the value that must stand there."""
    bits: int = 0
    """Bits that must be set in the lower half of the first argument."""
    clear: int = 0
    """Bits that must not be set in the lower half of the fourth argument."""


@dataclass(frozen=True)
class Becomes:
    """A process that is to become another program, in its place and behind its walls: the one that is open as `file`.
    `writes`: it may write, and map, what is open.
    """

    file: int
    writes: bool


def filter_program(machine: str, *, pid: int, becomes: Becomes | None = None) -> bytes:
    """The program for this machine (`x86_64` or `aarch64`). Threads may be begun, processes not; a signal may go to
    the process itself only; memory is not shared, as nobody would count it.

    Raises KeyError for a machine that nobody has written the numbers down for.
    """
    column, architecture = {"x86_64": (0, X86_64), "aarch64": (1, AARCH64)}[machine]
    rules = [Rule(number) for numbers in _names(becomes).values() if (number := numbers[column]) is not None]
    rules += _becoming(becomes, column) if becomes else []
    rules += [
        Rule(_MMAP[column], clear=0 if becomes and becomes.writes else _MAP_SHARED),
        Rule(_CLONE[column], bits=_CLONE_THREAD),
        Rule(_TGKILL[column], equal=((0, pid),)),
        Rule(_PRLIMIT64[column], equal=((16, 0), (20, 0))),
        *(Rule(_FCNTL[column], equal=((8, command),)) for command in (_F_DUPFD_CLOEXEC, _F_GETFD, _F_SETFD, _F_GETFL)),
    ]
    program = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_JUMP_EQUAL, architecture, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_JUMP_AT_LEAST, _X32, 0, 1),
        _step(_RETURN, _KILL),
        # The C library begins threads with clone3 and falls back on clone, whose flags can be looked at, on ENOSYS.
        _step(_JUMP_EQUAL, _CLONE3[column], 0, 1),
        _step(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    for rule in rules:
        program += _steps(rule)
    program.append(_step(_RETURN, _ERRNO | errno.EPERM))
    return b"".join(program)


def _names(becomes: Becomes | None) -> dict[str, tuple[int, int | None]]:
    if becomes is None:
        return _ALLOWED
    kept = {name: numbers for name, numbers in _ALLOWED.items() if name != _MEMFD_CREATE}
    return kept | (_WRITING if becomes.writes else {"ftruncate": _FTRUNCATE})


def _becoming(becomes: Becomes, column: int) -> list[Rule]:
    """The one step into the other program, and what a Go program does first: say where its thread's own data is."""
    rules = [Rule(_EXECVEAT[column], equal=((0, becomes.file), (32, _AT_EMPTY_PATH)))]
    own_data = _ARCH_PRCTL[column]
    return rules if own_data is None else [*rules, Rule(own_data, equal=((0, _ARCH_SET_FS),))]


def _steps(rule: Rule) -> list[bytes]:
    """The rule's steps: past its end, with the call's number loaded again, where it does not hold."""
    tests = [(_JUMP_EQUAL, _ARGUMENTS + offset, value) for offset, value in rule.equal]
    if rule.bits:
        tests.append((_JUMP_SET, _ARGUMENTS, rule.bits))
    if rule.clear:
        tests.append((_JUMP_CLEAR, _FLAGS, rule.clear))
    if not tests:
        return [_step(_JUMP_EQUAL, rule.number, 0, 1), _step(_RETURN, _ALLOW)]
    length = 2 * len(tests) + 2
    steps = [_step(_JUMP_EQUAL, rule.number, 0, length)]
    for position, (test, offset, value) in enumerate(tests):
        left = length - 2 * position - 3
        jump = _step(_JUMP_SET, value, left, 0) if test == _JUMP_CLEAR else _step(test, value, 0, left)
        steps += [_step(_LOAD, offset), jump]
    return [*steps, _step(_RETURN, _ALLOW), _step(_LOAD, _NUMBER)]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
