"""A few attacks that are tried on every tier before it is used: one that gets through, and the tier is refused."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from learntrac.backends.sandbox import Call, Limits, Ran, Run

KEPT_OUT = "kept out"
_USUAL = Limits()
_HASTE = Limits(cpu_seconds=0.2, wall_seconds=0.4)

Ask = Callable[[Run], Awaitable[Ran]]


@dataclass(frozen=True)
class Attack:
    """A submission that tries something; `statuses` are the ends that show it failed, beside answering `KEPT_OUT`."""

    name: str
    source: str
    statuses: tuple[str, ...] = ()
    limits: Limits = _USUAL


_PYTHON = """
def attack():
    try:
        {body}
    except BaseException:
        return "kept out"
    return "through"
"""


def _python(name: str, body: str) -> Attack:
    return Attack(name, _PYTHON.format(body=body.strip().replace("\n", "\n        ")))


PYTHON = (
    _python("reads a file", "open('/etc/passwd').read()"),
    _python("reads the environment", "import os\nif not (os.environ and 'PATH' in os.environ): raise OSError"),
    _python("lists a folder", "import os\nos.listdir('/')"),
    _python("writes a file", "open('/tmp/learntrac-self-test', 'w').write('x')"),
    _python(
        "opens a connection",
        "import socket\nsocket.create_connection(('127.0.0.1', 9), timeout=1)",
    ),
    _python("begins a process", "import subprocess\nsubprocess.run(['true'])"),
    _python("forks", "import os\nos.fork()"),
    Attack("never ends", "def attack():\n    while True: pass\n", ("timeout",), _HASTE),
    Attack("sleeps", "import time\ndef attack():\n    time.sleep(60)\n", ("timeout",), _HASTE),
    Attack("takes all memory", "def attack():\n    return len(bytearray(2 ** 30))\n", ("memory", "raised", "crashed")),
    Attack("returns no plain number", "class Five(int): pass\ndef attack():\n    return Five(5)\n", ("not_plain",)),
)


NATIVE = (
    *PYTHON,
    _python("kills its parent", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"),
    _python("looks at other processes", "import os\nos.listdir('/proc')"),
    _python(
        "calls the kernel by itself", "import ctypes\nif ctypes.CDLL(None).syscall(41, 2, 1, 0) < 0: raise OSError"
    ),
)

_JAVASCRIPT = """
function attack() {{
    try {{
        {body}
    }} catch (error) {{
        return "kept out"
    }}
    return "through"
}}
"""
JAVASCRIPT = (
    Attack("reads a file", _JAVASCRIPT.format(body="require('fs').readFileSync('/etc/passwd')")),
    Attack("finds the host", _JAVASCRIPT.format(body="if (std.getenviron().PATH === undefined) throw 1")),
    Attack("opens a file", _JAVASCRIPT.format(body="if (std.open('/etc/passwd', 'r') === null) throw 1")),
    Attack("never ends", "function attack() { for (;;); }", ("timeout",), _HASTE),
    Attack(
        "takes all memory",
        "function attack() { const all = []; for (;;) all.push(new Uint8Array(2 ** 24)); }",
        ("memory", "raised", "crashed"),
    ),
    Attack("returns no plain number", "function attack() { return new Number(5) }", ("not_plain",)),
)

_GO_ENDLESS = "package answer\nfunc attack() {{ {body} }}\n"
_GO_OUTSIDE = """
package answer

import ("os"; "os/exec"; "syscall")

func attack() string {
    _, read := os.ReadFile("/etc/passwd")
    _, listed := os.ReadDir("/")
    _, processes := os.ReadDir("/proc")
    written := os.WriteFile("/tmp/learntrac-self-test", nil, 0o600)
    begun := exec.Command("/bin/true").Run()
    killed := syscall.Kill(syscall.Getppid(), 9)
    _, socket := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
    _, shared := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_SHARED | syscall.MAP_ANON)
    for _, refused := range []error{read, listed, processes, written, begun, killed, socket, shared} {
        if refused == nil { return "through" }
    }
    if _, _, refused := syscall.RawSyscall(syscall.SYS_CLONE, 17, 0, 0); refused == 0 { return "through" }
    if len(os.Environ()) > 0 { return "through" }
    return "kept out"
}
"""
"""In one program: compiling takes longer than all of it."""


GO = (
    Attack("reaches for what is outside", _GO_OUTSIDE),
    Attack("never ends", _GO_ENDLESS.format(body="for {}"), ("timeout",), _HASTE),
    Attack(
        "takes all memory",
        _GO_ENDLESS.format(body="a := [][]byte{}; for { a = append(a, make([]byte, 1<<22)); a[0][0]++ }"),
        ("memory", "timeout"),
        _HASTE,
    ),
    Attack("returns no plain number", "package answer\nfunc attack() complex128 { return 5 }\n", ("not_plain",)),
)


class Undecided(Exception):
    """A machine that is too busy has decided nothing: no submission got through, but neither was it kept out."""


async def failures(attacks: tuple[Attack, ...], language: str, honest: str, ask: Ask) -> str | None:
    """What got through; nothing where all is well. Raises Undecided where time was short."""
    ran = await ask(Run(language, honest, (Call("attack"),)))
    if ran.answers[0].value != 42:
        raise Undecided(
            f"an honest program was not answered: {ran.problem or ran.answers[0].error or ran.answers[0].status}"
        )
    for attack in attacks:
        answer = (await ask(Run(language, attack.source, (Call("attack"),), attack.limits))).answers[0]
        if answer.value == KEPT_OUT or answer.status in attack.statuses:
            continue
        if answer.status == "timeout":
            raise Undecided(f"a submission that {attack.name} was not answered in time")
        return f"a submission that {attack.name} was not stopped"
    return None
