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

_GO = """
package answer

import ({imports})

func attack() string {{
    {body}
    return "kept out"
}}
"""
_GO_ENDLESS = "package answer\nfunc attack() {{ {body} }}\n"


def _go(name: str, imports: str, body: str) -> Attack:
    quoted = "; ".join(f'"{package}"' for package in imports.split())
    return Attack(name, _GO.format(imports=quoted, body=body))


GO = (
    _go("reads a file", "os", 'if _, e := os.ReadFile("/etc/passwd"); e == nil { return "through" }'),
    _go("reads the environment", "os", 'if len(os.Environ()) > 0 { return "through" }'),
    _go("lists a folder", "os", 'if _, e := os.ReadDir("/"); e == nil { return "through" }'),
    _go(
        "writes a file",
        "os",
        'if e := os.WriteFile("/tmp/learntrac-self-test", nil, 0o600); e == nil { return "through" }',
    ),
    _go(
        "opens a socket",
        "syscall",
        'if _, e := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0); e == nil { return "through" }',
    ),
    _go("begins a process", "os/exec", 'if e := exec.Command("/bin/true").Run(); e == nil { return "through" }'),
    _go(
        "forks",
        "syscall",
        'if _, _, e := syscall.RawSyscall(syscall.SYS_CLONE, 17, 0, 0); e == 0 { return "through" }',
    ),
    _go("kills its parent", "syscall", 'if syscall.Kill(syscall.Getppid(), 9) == nil { return "through" }'),
    _go("looks at other processes", "os", 'if _, e := os.ReadDir("/proc"); e == nil { return "through" }'),
    Attack("never ends", _GO_ENDLESS.format(body="for {}"), ("timeout",), _HASTE),
    Attack(
        "takes all memory",
        _GO_ENDLESS.format(body="a := [][]byte{}; for { a = append(a, make([]byte, 1<<22)); a[0][0]++ }"),
        ("memory", "timeout"),
        _HASTE,
    ),
    Attack("returns no plain number", "package answer\nfunc attack() complex128 { return 5 }\n", ("not_plain",)),
)


async def failures(attacks: tuple[Attack, ...], language: str, honest: str, ask: Ask) -> str | None:
    """What got through, or what an honest program could not do; nothing where all is well."""
    ran = await ask(Run(language, honest, (Call("attack"),)))
    if ran.answers[0].value != 42:
        return f"an honest program was not answered: {ran.problem or ran.answers[0].error or ran.answers[0].status}"
    for attack in attacks:
        answer = (await ask(Run(language, attack.source, (Call("attack"),), attack.limits))).answers[0]
        if answer.value != KEPT_OUT and answer.status not in attack.statuses:
            return f"a submission that {attack.name} was not stopped"
    return None
