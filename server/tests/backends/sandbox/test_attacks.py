"""Submissions that try to get out, to stay, or to be graded for what they did not solve. None may pass on any tier."""

import asyncio
import re
import threading
import time
from pathlib import Path

import pytest

from learntrac.backends.sandbox import Answer, Call, Limits, Run, Suite, SuiteRan
from learntrac.backends.sandbox.boxed import BoxedSandbox

pytestmark = pytest.mark.asyncio(loop_scope="session")
HASTE = Limits(cpu_seconds=0.4, wall_seconds=1.0)
PYTHON_TIERS = pytest.mark.parametrize("threads", [False, True], ids=["wasm", "jail"])


async def attack(sandbox: BoxedSandbox, source: str, *, threads: bool, limits: Limits = HASTE) -> Answer:
    run = Run("python", source, (Call("attack"),), limits, threads=threads)
    return (await sandbox.run(run, user_id="mallory")).answers[0]


def tried(body: str) -> str:
    """`attack` returns what the body leaves in `got`, and "kept out" where it is refused."""
    lines = "\n".join(f"        {line}" for line in body.strip().split("\n"))
    return f"def attack():\n    try:\n{lines}\n    except BaseException:\n        return 'kept out'\n    return repr(got)\n"


OUTSIDE = {
    "a password file": "got = open('/etc/passwd').read()",
    "the root folder": "import os; got = os.listdir('/')",
    "its folder": "import os; got = os.listdir('.') or 1/0",
    "a process's environment": "got = open('/proc/self/environ').read()",
    "the parent's memory": "import os; got = open(f'/proc/{os.getppid()}/maps').read()",
    "a way up": "import os; got = os.open('../../../../etc/passwd', os.O_RDONLY)",
    "a symbolic link": "import os; os.symlink('/etc/passwd', 'x'); got = open('x').read()",
    "a hard link": "import os; os.link('/etc/passwd', '/tmp/x'); got = 1",
    "a new file": "got = open('/tmp/learntrac-attack', 'w').write('x')",
    "a temporary file": "import tempfile; got = tempfile.NamedTemporaryFile(delete=False).name",
    "a database": "import sqlite3; got = sqlite3.connect('/tmp/learntrac-attack.db').execute('create table x (y)')",
    "a connection": "import socket; got = socket.create_connection(('127.0.0.1', 22), 0.2)",
    "a listening socket": "import socket; s = socket.socket(); s.bind(('', 0)); got = s.getsockname()",
    "a local socket": "import socket; got = socket.socketpair()",
    "a name": "import socket; got = socket.getaddrinfo('localhost', 80)",
    "a process": "import subprocess; got = subprocess.run(['true']).returncode",
    "a shell": "import os; assert os.system('true') == 0; got = 1",
    "a fork": "import os; got = os.fork()",
    "a spawn": "import multiprocessing as m; p = m.Process(target=print); p.start(); got = p.pid",
    "another program": "import os; os.execv('/bin/true', ['true']); got = 1",
    "another process": "import os; os.kill(os.getppid(), 0); got = 1",
    "every process": "import os; os.kill(-1, 0); got = 1",
    "the priority": "import os; os.setpriority(os.PRIO_PROCESS, 0, -20); got = 1",
    "more memory": "import resource as r; r.setrlimit(r.RLIMIT_DATA, (-1, -1)); got = 1",
    "a mount": "import ctypes; assert ctypes.CDLL(None).mount(b'x', b'/', b'tmpfs', 0, 0) == 0; got = 1",
    "a trace": "import ctypes; assert ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0; got = 1",
    "a new namespace": "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0; got = 1",
    "a way to outlive": "import ctypes; assert ctypes.CDLL(None).prctl(1, 0) == 0; got = 1",
    "an io_uring": "import ctypes; assert ctypes.CDLL(None).syscall(425, 8, 0) >= 0; got = 1",
    "a kernel key": "import ctypes; assert ctypes.CDLL(None).syscall(248, b'user', b'x', b'y', 1, -3) > 0; got = 1",
    "the server's package": "import learntrac.config; got = learntrac.config.Settings().secret_key or 1/0",
    "the environment": "import os; got = {k: v for k, v in os.environ.items() if k not in ('LC_CTYPE', 'PWD')} or 1/0",
}


@PYTHON_TIERS
async def test_nothing_outside_is_reached(sandbox: BoxedSandbox, threads: bool) -> None:
    for what, answer in (await all_of(sandbox, {what: tried(body) for what, body in OUTSIDE.items()}, threads)).items():
        assert answer.value == "kept out" or answer.status == "crashed", (what, answer)

    assert list(Path("/tmp").glob("learntrac-attack*")) == []  # noqa: ASYNC240 - nobody else runs in this loop


async def all_of(sandbox: BoxedSandbox, sources: dict[str, str], threads: bool) -> dict[str, Answer]:
    """The answers of many attacks in as few boxes as they leave alive."""
    left, answers = dict(sources), dict[str, Answer]()
    while left:
        names = list(left)
        source = "\n".join(
            re.sub(r"\bA\b", f"A{place}", left[name]).replace("def attack", f"def attack_{place}")
            for place, name in enumerate(names)
        )
        calls = tuple(Call(f"attack_{place}") for place in range(len(names)))
        ran = await sandbox.run(Run("python", source, calls, threads=threads), user_id="mallory")
        assert ran.problem is None
        reached = [answer for answer in ran.answers if answer.status != "not_reached"]
        answers |= dict(zip(names, reached, strict=False))
        left = {name: left[name] for name in names[len(reached) :]}
    return answers


ENDLESS = {
    "loops": "def attack():\n    while True: pass\n",
    "sleeps": "import time\ndef attack():\n    time.sleep(60)\n",
    "catches everything": "def attack():\n    while True:\n        try:\n            while True: pass\n"
    "        except BaseException: pass\n",
    "multiplies": "def attack():\n    return 9 ** 9 ** 9\n",
    "matches": "import re\ndef attack():\n    return re.match('(a+)+$', 'a' * 40 + 'b')\n",
    "generates": "def attack():\n    return list(iter(int, 1))[:1] if False else sum(iter(int, 1))\n",
    "waits in its text": "import time\nclass E(Exception):\n    def __str__(self): time.sleep(60)\n"
    "def attack():\n    raise E\n",
    "waits while it is loaded": "import time\ntime.sleep(60)\n",
    "waits for input": "import sys, os\ndef attack():\n    os.read(0, 1)\n    os.read(0, 10**6)\n    while True: pass\n",
}


@PYTHON_TIERS
@pytest.mark.parametrize("how", ENDLESS)
async def test_what_does_not_end_is_ended(sandbox: BoxedSandbox, how: str, threads: bool) -> None:
    begun = time.monotonic()
    answer = await attack(sandbox, ENDLESS[how], threads=threads)

    assert answer.status in ("timeout", "memory", "crashed", "raised"), answer
    assert time.monotonic() - begun < 10


GREEDY = {
    "a block": "def attack():\n    return len(bytearray(2 ** 30))\n",
    "many blocks": "def attack():\n    all = []\n    while True: all.append(bytearray(2 ** 22))\n",
    "a string": "def attack():\n    return len('x' * 2 ** 31)\n",
    "a list of itself": "def attack():\n    a = [0]\n    while True: a += a\n",
    "depth": "import sys\nsys.setrecursionlimit(10 ** 9)\ndef attack():\n    return attack()\n",
    "a deep value": "def attack():\n    a = []\n    for _ in range(10 ** 5): a = [a]\n    return a\n",
    "a value in itself": "def attack():\n    a = []\n    a.append(a)\n    return a\n",
    "a long value": "def attack():\n    return [0] * 10 ** 6\n",
    "a long text": "def attack():\n    return 'x' * (64 * 2 ** 20)\n",
    "a large number": "def attack():\n    return 10 ** 10 ** 5\n",
}


@PYTHON_TIERS
@pytest.mark.parametrize("how", GREEDY)
async def test_nobody_takes_more_than_a_share(sandbox: BoxedSandbox, how: str, threads: bool) -> None:
    answer = await attack(sandbox, GREEDY[how], threads=threads, limits=Limits(cpu_seconds=1, wall_seconds=3))

    assert answer.status in ("memory", "raised", "crashed", "not_plain", "timeout"), answer.status


@PYTHON_TIERS
async def test_output_is_cut_off(sandbox: BoxedSandbox, threads: bool) -> None:
    source = "import sys\ndef attack():\n    for _ in range(10 ** 4): print('é' * 100)\n    return 1\n"
    answer = await attack(sandbox, source, threads=threads, limits=Limits(output_bytes=1000))

    assert answer.status == "returned"
    assert 900 < len(answer.output.encode()) <= 1000


DISGUISED = {
    "a whole number of its own": "class A(int): pass\ndef attack(): return A(5)\n",
    "a text of its own": "class A(str): pass\ndef attack(): return A('5')\n",
    "a list of its own": "class A(list): pass\ndef attack(): return A([5])\n",
    "a dict of its own": "class A(dict): pass\ndef attack(): return A(a=5)\n",
    "an equal of everything": "class A:\n    def __eq__(self, other): return True\ndef attack(): return A()\n",
    "a false class": "class A:\n    __class__ = int\n    def __eq__(self, other): return True\ndef attack(): return A()\n",
    "one inside": "class A(int): pass\ndef attack(): return {'a': [A(5)]}\n",
    "one that pickles as": "class A:\n    def __reduce__(self): return int, (5,)\ndef attack(): return A()\n",
    "no number": "def attack(): return float('nan')\n",
    "no end": "def attack(): return [float('inf')]\n",
    "half a character": "def attack(): return '\\ud800'\n",
    "a key that is no text": "def attack(): return {1: 2}\n",
    "a generator": "def attack(): yield 5\n",
    "an enumeration": "import enum\nclass A(enum.IntEnum):\n    X = 5\ndef attack(): return A.X\n",
}


@PYTHON_TIERS
async def test_only_plain_values_cross(sandbox: BoxedSandbox, threads: bool) -> None:
    for what, answer in (await all_of(sandbox, DISGUISED, threads)).items():
        assert (answer.status, answer.value) == ("not_plain", None), what


async def test_true_is_not_one(sandbox: BoxedSandbox) -> None:
    answer = await attack(sandbox, "def attack(): return [True, 1, 1.0]\n", threads=False)

    assert isinstance(answer.value, list)
    assert [type(value) for value in answer.value] == [bool, int, float]


TALKING = {
    "prints an answer": 'def attack():\n    print(\'{"status": "returned", "value": 42}\')\n    return 1\n',
    "writes to the pipe": 'import os, struct\ndef attack():\n    text = b\'{"status": "returned", "value": 41}\'\n'
    "    os.write(1, struct.pack('!cI', b'S', len(text)) + text)\n    return 1\n",
    "exits with success": "import os\ndef attack():\n    os._exit(0)\n",
    "exits as Python does": "import sys\ndef attack():\n    sys.exit(0)\n",
    "speaks at the end": "import atexit\natexit.register(lambda: print(42))\ndef attack():\n    return 1\n",
    "speaks nonsense": "import json\ndef attack():\n    json.dumps = lambda value: 'nonsense'\n    return 42\n",
    "speaks of another status": 'import json\ndef attack():\n    json.dumps = lambda value: \'{"status": "passed"}\'\n'
    "    return 42\n",
}


@PYTHON_TIERS
@pytest.mark.parametrize("how", TALKING)
async def test_what_it_says_is_an_answer_at_most(sandbox: BoxedSandbox, how: str, threads: bool) -> None:
    """A submission may answer what it wants, by whatever way: it does not know what would be right."""
    run = Run("python", TALKING[how], (Call("attack"), Call("attack")), HASTE, threads=threads)
    answers = (await sandbox.run(run, user_id="mallory")).answers

    assert len(answers) == 2
    assert all(answer.value != 42 for answer in answers)


async def test_one_submission_leaves_nothing_to_the_next(sandbox: BoxedSandbox) -> None:
    dirty = "import builtins, sys, random\nbuiltins.len = lambda x: 42\nsys.modules['math'] = None\ndef f(): return len([])\n"
    clean = "import math\ndef f(): return [len([1]), math.floor(2.5)]\n"

    for _ in range(20):
        await sandbox.run(Run("python", dirty, (Call("f"),)), user_id="mallory")
        ran = await sandbox.run(Run("python", clean, (Call("f"),)), user_id="alice")
        assert ran.answers[0].value == [1, 2]


@pytest.mark.parametrize(
    "source",
    [
        "Object.prototype.toJSON = () => 42\nconst attack = () => ({})",
        "Array.prototype.map = Array.prototype.join = () => '42'\nconst attack = () => [1]",
        "JSON.stringify = () => '42'\nconst attack = () => 1",
        "Number.prototype.toString = () => '42'\nconst attack = () => 1",
        "Object.prototype.value = 42\nconst attack = () => undefined",
        "const attack = () => new Proxy([], {get: () => 42})",
        "const attack = () => ({get value() { return 42 }})",
        "const attack = () => ({toJSON: () => 42})",
        "const attack = () => new (class extends Number {})(42)",
        "const attack = () => NaN",
        "const attack = () => '\\ud800'",
        "const attack = () => { for (;;); }",
        "const attack = () => { const all = []; for (;;) all.push(new Uint8Array(2 ** 24)) }",
        "const attack = () => attack()",
        "const attack = () => { throw {toString() { throw 1 }} }",
        "const attack = () => { let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a }",
        "const attack = () => std.open('/etc/passwd', 'r')",
        "const attack = () => os.exec(['true'])",
        "const attack = () => { process.exit(0) }",
        "std = undefined; const attack = () => globalThis.std.exit(0)",
    ],
)
async def test_javascript_answers_no_better_by_tricks(sandbox: BoxedSandbox, source: str) -> None:
    ran = await sandbox.run(Run("javascript", source, (Call("attack"),), HASTE), user_id="mallory")

    assert ran.answers[0].value in (None, {}, [1], 1), ran


LIES = {
    "equals everything": "class A:\n    def __eq__(self, other): return True\n    __hash__ = None\ndef f(x): return A()\n",
    "is a number of its own": "class A(int):\n    def __eq__(self, other): return True\n    def __hash__(self): return 25\n"
    "def f(x): return A(1)\n",
    "is a list of its own": "class A(list):\n    def __eq__(self, other): return True\ndef f(x): return A()\n",
    "has a false class": "class A:\n    __class__ = int\n    def __eq__(self, other): return True\ndef f(x): return A()\n",
    "subtracts to nothing": "class A:\n    def __sub__(self, other): return 0\n    __rsub__ = __sub__\n"
    "    def __abs__(self): return 0\n    def __round__(self, n=0): return 0\n    def __lt__(self, other): return True\n"
    "    __le__ = __gt__ = __ge__ = __lt__\n    def __eq__(self, other): return True\ndef f(x): return A()\n",
    "holds everything": "class A:\n    def __contains__(self, item): return True\n    def __iter__(self): return iter([])\n"
    "    def __len__(self): return 1\ndef f(x): return A()\n",
    "is a class": "class f:\n    def __init__(self, x): pass\n    def __sub__(self, other): return 0\n"
    "    __rsub__ = __add__ = __sub__\n    def __abs__(self): return 0\n    def __eq__(self, other): return True\n"
    "    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__\n    def __iter__(self): return iter([])\n",
    "answers True": "def f(x): return True\n",
    "answers nothing like a number": "def f(x): return float('nan')\n",
    "patches unittest": "import unittest\nunittest.TestCase.assertEqual = lambda *a, **k: None\n"
    "unittest.TestCase.run = lambda *a, **k: None\ndef f(x): return 0\n",
    "patches builtins": "import builtins\nbuiltins.AssertionError = ZeroDivisionError\nbuiltins.__build_class__ = None\n"
    "def f(x): return 0\n",
    "puts tests in place of the tests": "import sys\nsys.modules['learntrac_tests'] = sys.modules['pytest'] = sys\n"
    "def f(x): return 0\n",
    "skips": "import unittest\ndef f(x): raise unittest.SkipTest('no')\n",
    "exits": "import sys\ndef f(x): sys.exit(0)\n",
    "exits hard": "import os\ndef f(x): os._exit(0)\n",
    "interrupts": "def f(x): raise KeyboardInterrupt\n",
    "stops an iteration": "def f(x): raise StopIteration(25)\n",
    "leaves a generator": "def f(x): raise GeneratorExit\n",
    "raises what cannot be shown": "class E(Exception):\n    def __str__(self): raise E\n    __repr__ = __str__\n"
    "def f(x): raise E\n",
    "walks up": "import sys\ndef f(x):\n    frame = sys._getframe()\n    while frame.f_back: frame = frame.f_back\n"
    "    frame.f_globals['expected'] = 0\n    return [v for v in frame.f_locals.values() if v == 25][:1]\n",
    "looks for the expected value": "import gc\ndef f(x):\n    return next((o for o in gc.get_objects()"
    " if type(o) is dict and o.get('expected') == 25), 0)\n",
    "answers for the bridge": "import json\nusual = json.dumps\ndef f(x):\n"
    "    json.dumps = lambda value: usual(['=', ['k', 1, {'name': 'int', 'bases': [], 'specials': [], 'hashable': 1}], [], ''])\n"
    "    return 0\n",
    "sends a mirror": "import json\nusual = json.dumps\ndef f(x):\n"
    "    json.dumps = lambda value: usual(['=', ['A', 0], [], ''])\n    return 0\n",
    "raises through the bridge": "import json\nusual = json.dumps\ndef f(x):\n"
    "    json.dumps = lambda value: usual(['!', ['E', ['N', 'unittest.case', 'SkipTest'], [], '', 1], [], ''])\n    return 0\n",
    "names what is not its own": "import json\nusual = json.dumps\ndef f(x):\n"
    "    json.dumps = lambda value: usual(['=', ['N', 'unittest.mock', 'ANY'], [], ''])\n    return 0\n",
    "calls back without an end": "import json\nusual = json.dumps\ndef f(x):\n"
    "    json.dumps = lambda value: usual(['?', 'get', [['O', 1], '__globals__']])\n    return 0\n",
    "says it is lost": "import json\nusual = json.dumps\ndef f(x):\n    json.dumps = lambda value: usual(['lost', 'passed'])\n"
    "    return 0\n",
}
TESTS = """
import unittest
import pytest
from solution import f

class SquareTest(unittest.TestCase):
    def test_equal(self):
        expected = 25
        self.assertEqual(f(5), expected)
    def test_almost_equal(self):
        self.assertAlmostEqual(f(5), 25.0)
    def test_in(self):
        self.assertIn(25, f([5]))
    def test_less(self):
        self.assertLess(abs(f(5) - 25), 1e-9)
    def test_in_a_list(self):
        self.assertEqual([f(5)], [25])
    def test_one(self):
        self.assertEqual(f(1), 1)

def test_plain():
    assert f(5) == 25

def test_about():
    assert f(5) == pytest.approx(25)

def test_reversed():
    assert 25 == f(5)
"""


async def graded(sandbox: BoxedSandbox, source: str, tests: str, *, threads: bool = False) -> SuiteRan:
    limits = Limits(cpu_seconds=1, wall_seconds=2)
    suite = Suite("python", source, "solution", tests, classes=frozenset(), threads=threads, limits=limits)
    return await sandbox.test(suite, user_id="mallory")


IN_THE_JAIL_TOO = (
    "equals everything",
    "patches unittest",
    "exits hard",
    "walks up",
    "answers for the bridge",
    "sends a mirror",
)


@pytest.mark.parametrize(
    ("how", "threads"), [*((how, False) for how in LIES), *((how, True) for how in IN_THE_JAIL_TOO)]
)
async def test_no_lie_passes_a_test(sandbox: BoxedSandbox, how: str, threads: bool) -> None:
    ran = await graded(sandbox, LIES[how], TESTS, threads=threads)

    assert [result.name for result in ran.results if result.status == "passed"] == []


CALLED_BACK = {
    "looks at its globals": "def f(call): return call.__globals__\n",
    "looks at its test": "def f(call): return call.__self__.expected\n",
    "looks at its closure": "def f(call): return call.__closure__[0].cell_contents\n",
    "looks at its code": "def f(call): return call.__code__.co_consts\n",
    "changes its test": "def f(call):\n    call.__self__.expected = 0\n    return 0\n",
    "swallows what it says": "def f(call):\n    try: call(0)\n    except BaseException: pass\n    return None\n",
    "reads it from the failure": "def f(call):\n    try: call(0)\n    except BaseException as error:\n"
    "        return int(str(error).split()[-1])\n",
}


@pytest.mark.parametrize("how", CALLED_BACK)
async def test_a_function_of_the_tests_leads_nowhere(sandbox: BoxedSandbox, how: str) -> None:
    tests = """
import unittest
from solution import f
class T(unittest.TestCase):
    expected = 25
    def check(self, got):
        self.assertEqual(got, self.expected)
    def test_it(self):
        got = f(self.check)
        if got is not None:
            self.assertEqual(got, self.expected)
"""
    ran = await graded(sandbox, CALLED_BACK[how], tests)

    assert [result.status for result in ran.results if result.status == "passed"] == []


async def test_threads_end_with_the_run(sandbox: BoxedSandbox) -> None:
    source = "import threading, time\ndef attack():\n    for _ in range(50):\n"
    source += "        threading.Thread(target=time.sleep, args=(60,)).start()\n    return threading.active_count()\n"
    before = threads_of_others()
    answer = await attack(sandbox, source, threads=True)

    assert answer.value == 51
    for _ in range(40):
        if threads_of_others() <= before + 5:
            break
        await asyncio.sleep(0.05)
    assert threads_of_others() <= before + 5


def threads_of_others() -> int:
    """Threads of the processes that this one began."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    return sum(len(list(Path(f"/proc/{child}/task").glob("*"))) for child in children)
