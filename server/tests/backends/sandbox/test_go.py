"""Go answers questions as Python does, compiled first; where a machine has no Go, all of it is refused."""

import asyncio
import functools
import os
import shutil
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from learntrac.backends.sandbox import (
    Answer,
    Call,
    Limits,
    Ran,
    Run,
    SandboxDown,
    boxed,
    building,
    compiling,
    toolchain,
)
from learntrac.backends.sandbox.boxed import BoxedSandbox
from learntrac.backends.sandbox.boxes import Box
from tests.backends.sandbox.speaking import children

pytestmark = pytest.mark.asyncio(loop_scope="session")
HASTE = Limits(cpu_seconds=0.4, wall_seconds=1.0)
Test = Callable[..., Awaitable[None]]


def with_go(test: Test) -> Test:
    """Without Go on this machine the test is that a run is refused, and why."""

    @functools.wraps(test)
    async def refused(sandbox: BoxedSandbox, **_given: Any) -> None:
        with pytest.raises(SandboxDown, match="no Go toolchain is on this machine"):
            await ask(sandbox, "package a\nfunc f() {}\n", Call("f"))

    return test if shutil.which("go") else refused


async def ask(sandbox: BoxedSandbox, source: str, *calls: Call, limits: Limits = HASTE) -> Ran:
    return await sandbox.run(Run("go", source, calls, limits), user_id="alice")


async def attack(sandbox: BoxedSandbox, imports: str, body: str, *, limits: Limits = HASTE) -> Answer:
    """What comes of a submission that answers `got` where it got through, and "kept out" where not."""
    quoted = "; ".join(f'"{package}"' for package in imports.split())
    source = f"package attack\nimport ({quoted})\nfunc attack() any {{\n{body}\nreturn `kept out`\n}}\n"
    ran = await ask(sandbox, source, Call("attack"), limits=limits)
    assert ran.problem is None, ran.problem
    return ran.answers[0]


SOURCE = """// Package sums adds up.
package sums

import (
	"errors"
	"fmt"
)

type Point struct {
	X      int `json:"x"`
	Labels []string
	hidden int
}

type notFound struct{ name string }

func (n *notFound) Error() string { return n.name + " is not there" }

var known = map[string]int{"a": 1}

func add(a, b int) int { fmt.Println("adding", a, b); return a + b }

func Half(x float64) (float64, error) {
	if x < 0 {
		return 0, errors.New("below zero")
	}
	return x / 2, nil
}

func find(name string) (int, error) {
	if n, ok := known[name]; ok {
		return n, nil
	}
	return 0, &notFound{name}
}

func at(xs []int, place int) int {
	return xs[place]
}

func moved(p Point) Point { p.X++; return p }
func divided(a, b int) (int, int) { return a / b, a % b }
func again(letter rune, times ...int) string { return fmt.Sprint(string(letter), len(times)) }
func nothing() []int { return nil }
func quiet() {}

var fixed = 5

func main() { fmt.Println("this is not run") }
"""


@with_go
async def test_each_call_is_answered_by_what_it_returned_and_printed(sandbox: BoxedSandbox) -> None:
    asked: dict[str, tuple[Call, Answer]] = {
        "a number": (Call("add", (1, 2)), Answer("returned", 3, output="adding 1 2\n")),
        "a decimal number": (Call("Half", (4,)), Answer("returned", 2.0)),
        "an error": (Call("Half", (-1.5,)), Answer("raised", error="error: below zero")),
        "an error of its own": (Call("find", ("b",)), Answer("raised", error="notFound: b is not there")),
        "a panic": (
            Call("at", ([1], 5)),
            Answer("raised", error="panic: runtime error: index out of range [5] with length 1", line=38),
        ),
        "a struct": (
            Call("moved", ({"x": 1, "Labels": ["é<"]},)),
            Answer("returned", {"x": 2, "Labels": ["é<"]}),
        ),
        "two values": (Call("divided", (7, 2)), Answer("returned", [3, 1])),
        "a letter": (Call("again", ("é", 1, 2)), Answer("returned", "é2")),
        "an empty slice": (Call("nothing"), Answer("returned", [])),
        "no value": (Call("quiet"), Answer("returned", None)),
        "no function": (Call("absent"), Answer("missing")),
        "a variable": (Call("fixed"), Answer("missing")),
        "too little": (
            Call("add", (1,)),
            Answer("raised", error="arguments: the function takes 2, and was given 1"),
        ),
    }
    ran = await ask(sandbox, SOURCE, *(call for call, _ in asked.values()))

    assert ran.problem is None
    assert dict(zip(asked, ran.answers, strict=True)) == {what: answer for what, (_, answer) in asked.items()}
    assert type(ran.answers[1].value) is float


WRONG = {
    "package a\n\nfunc f() int {\n\tx := 1\n\treturn `a`\n}\n": "solution.go:4:2: declared and not used: x\n"
    'solution.go:5:9: cannot use `a` (untyped string constant "a") as int value in return statement',
    "package a\nfunc f( {}\n": "solution.go:2:9: syntax error: ",
    "no Go at all\n": "solution.go:1:1: syntax error: package statement must be first",
    'package a\nimport "net/http"\nfunc f() { http.Get("") }\n': "solution.go:2:8: could not import "
    "net/http (it is not offered here)",
    'package a\nimport "internal/abi"\nfunc f() { abi.NoEscape(nil) }\n': "solution.go:2:8: could not import",
    'package a\nimport "C"\nfunc f() {}\n': "solution.go:2:8: could not import C",
    "package a\nfunc f()\n": "solution.go:2:6: missing function body",
    "package a\nfunc f[T any](x T) {}\n": "It cannot be called: ",
    "package a\nvar all = [1 << 28]byte{1}\nfunc f() byte { return all[2] }\n": "It could not be linked. ",
}


@with_go
@pytest.mark.parametrize("source", WRONG)
async def test_what_does_not_compile_is_told_with_its_lines(sandbox: BoxedSandbox, source: str) -> None:
    ran = await ask(sandbox, source, Call("f"))

    assert (ran.problem or "").startswith(WRONG[source])
    assert "/proc" not in (ran.problem or "")
    assert ran.answers == (Answer("not_reached"),)


ENDED = {
    "sleeps for ever": ("func f() { <-make(chan int) }", "fatal error: all goroutines are asleep - deadlock! (line 2)"),
    "has no end of calls": ("func f() { f(); g() }\nfunc g() {}", "fatal error: stack overflow (line 2)"),
    "panics aside": ("func f() { go func() { panic(`aside`) }(); select {} }", "panic: aside (line 2)"),
    "panics when loaded": ("func init() { panic(`early`) }\nfunc f() {}", "panic: early (line 2)"),
}


@with_go
@pytest.mark.parametrize("how", ENDED)
async def test_a_program_that_ends_says_why(sandbox: BoxedSandbox, how: str) -> None:
    source, why = ENDED[how]
    ran = await ask(sandbox, f"package a\n{source}\n", Call("f"), Call("f"), limits=Limits())

    assert ran.answers == (Answer("crashed", error=why), Answer("not_reached"))


@with_go
async def test_one_that_has_ended_before_it_is_asked_says_why_too(
    sandbox: BoxedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, why = ENDED["panics when loaded"]
    ask_it = Box.ask

    async def ask_late(box: Box, message: str) -> str:
        """The order to compile at once, a question only after the end of everything."""
        while box._asked and not box.has_ended():  # noqa: ASYNC110 - a process tells of its end to nobody else
            await asyncio.sleep(0.01)
        return await ask_it(box, message)

    monkeypatch.setattr(Box, "ask", ask_late)
    ran = await ask(sandbox, f"package a\n{source}\n", Call("f"), Call("f"), limits=Limits())

    assert ran.answers == (Answer("crashed", error=why), Answer("not_reached"))


OUTSIDE = {
    "a password file": ("os", 'if got, e := os.ReadFile("/etc/passwd"); e == nil { return got }'),
    "the root folder": ("os", 'if got, e := os.ReadDir("/"); e == nil { return len(got) }'),
    "Go's own files": (
        "os runtime",
        'if got, e := os.ReadDir(runtime.GOROOT() + "/src"); e == nil { return len(got) }',
    ),
    "the compiled packages": (
        "os",
        'if got, e := os.ReadFile("/proc/self/fd/7/compile.list"); e == nil { return got }',
    ),
    "its environment": ("os", "if got := os.Environ(); len(got) > 0 { return got }"),
    "the parent's memory": (
        "fmt os",
        'if got, e := os.ReadFile(fmt.Sprintf("/proc/%d/maps", os.Getppid())); e == nil { return len(got) }',
    ),
    "a new file": ("os", 'if e := os.WriteFile("/tmp/learntrac-attack", nil, 0o600); e == nil { return 1 }'),
    "a link": ("os", 'if e := os.Symlink("/etc/passwd", "/tmp/learntrac-attack"); e == nil { return 1 }'),
    "a connection": ("net", 'if _, e := net.Dial("tcp", "127.0.0.1:22"); e == nil { return 1 }'),
    "a listener": ("net", 'if _, e := net.Listen("tcp", "127.0.0.1:0"); e == nil { return 1 }'),
    "a name": ("net", 'if got, e := net.LookupHost("localhost"); e == nil { return got }'),
    "a raw socket": ("syscall", "if _, e := syscall.Socket(2, 1, 0); e == nil { return 1 }"),
    "a process": ("os/exec", 'if e := exec.Command("/bin/true").Run(); e == nil { return 1 }'),
    "itself again": ("os", 'if _, e := os.StartProcess("/proc/self/exe", nil, &os.ProcAttr{}); e == nil { return 1 }'),
    "a fork": ("syscall", "if _, _, e := syscall.RawSyscall(syscall.SYS_CLONE, 17, 0, 0); e == 0 { return 1 }"),
    "another program": ("syscall", 'if syscall.Exec("/bin/true", nil, nil) == nil { return 1 }'),
    "its parent's end": ("syscall", "if syscall.Kill(syscall.Getppid(), 9) == nil { return 1 }"),
    "a trace": ("syscall", "if syscall.PtraceAttach(syscall.Getppid()) == nil { return 1 }"),
    "a file in memory": (
        "syscall unsafe",
        "var x byte; if _, _, e := syscall.Syscall(319, uintptr(unsafe.Pointer(&x)), 0, 0); e == 0 { return 1 }",
    ),
    "shared memory": ("syscall", "if _, e := syscall.Mmap(-1, 0, 4096, 3, 0x21); e == nil { return 1 }"),
    "more memory": ("syscall", "if syscall.Setrlimit(2, &syscall.Rlimit{1 << 40, 1 << 40}) == nil { return 1 }"),
    "a way to outlive": (
        "syscall",
        "if _, _, e := syscall.Syscall(syscall.SYS_PRCTL, 1, 0, 0); e == 0 { return 1 }",
    ),
}


@with_go
@pytest.mark.parametrize("what", OUTSIDE)
async def test_nothing_outside_is_reached(sandbox: BoxedSandbox, what: str) -> None:
    answer = await attack(sandbox, *OUTSIDE[what])

    assert answer.value == "kept out", answer
    assert list(Path("/tmp").glob("learntrac-attack*")) == []  # noqa: ASYNC240 - nobody else runs in this loop


GREEDY = {
    "loops": ("", "for {}"),
    "sleeps": ("time", "time.Sleep(time.Hour)"),
    "loops in many": ("", "for range 50 { go func() { for {} }() }; for {}"),
    "holds on to its processor": ("runtime", "runtime.LockOSThread(); for { runtime.Gosched() }"),
    "takes memory": ("", "all := [][]byte{}; for { all = append(all, make([]byte, 1 << 22)); all[0][0]++ }"),
    "takes a block": ("", "all := make([]byte, 1 << 33); return len(all)"),
    "begins threads": ("runtime", "for range 10000 { go func() { runtime.LockOSThread(); select {} }() }; for {}"),
    "prints without end": ("fmt", "for { fmt.Println(`all work and no play makes Jack a dull boy`) }"),
    "answers at length": ("", "return make([]int, 1 << 20)"),
    "answers in depth": ("", "var all any; for range 1000 { all = []any{all} }; return all"),
    "answers with itself": ("", "all := []any{0}; all[0] = all; return all"),
}


@with_go
@pytest.mark.parametrize("how", GREEDY)
async def test_nobody_takes_more_than_a_share(sandbox: BoxedSandbox, how: str) -> None:
    begun = time.monotonic()
    answer = await attack(sandbox, *GREEDY[how], limits=HASTE)

    assert answer.status in ("timeout", "memory", "crashed", "not_plain"), answer
    assert time.monotonic() - begun < 10


TALKING = {
    "prints an answer": ("fmt", 'fmt.Println(`{"status": "returned", "value": 42}`)'),
    "writes to the pipe": (
        "os",
        """text := `{"status": "returned", "value": 41}`
        os.NewFile(4, ``).Write(append([]byte{83, 0, 0, 0, byte(len(text))}, text...))""",
    ),
    "writes nonsense to the pipe": ("os", "os.NewFile(4, ``).Write([]byte(`42`)); os.Exit(0)"),
    "reads the questions": ("os", "text := make([]byte, 100); os.NewFile(3, ``).Read(text); return text"),
    "exits with success": ("os", "os.Exit(0)"),
    "leaves its goroutine": ("runtime", "runtime.Goexit()"),
    "closes what it talks by": ("syscall", "syscall.Close(3); syscall.Close(4)"),
    "fills what it prints into": ("os", "os.Truncate(`/dev/stdout`, 1 << 30); os.Stdout.Truncate(1 << 40)"),
}


@with_go
@pytest.mark.parametrize("how", TALKING)
async def test_what_it_says_is_an_answer_at_most(sandbox: BoxedSandbox, how: str) -> None:
    """A submission may answer what it wants, by whatever way: it does not know what would be right."""
    imports, body = TALKING[how]
    quoted = "; ".join(f'"{package}"' for package in imports.split())
    source = f"package a\nimport ({quoted})\nfunc attack() any {{\n{body}\nreturn 1\n}}\n"
    ran = await ask(sandbox, source, Call("attack"), Call("attack"))

    assert len(ran.answers) == 2
    assert all(answer.value != 42 for answer in ran.answers), ran


DISGUISED = {
    "no number": "return math.NaN()",
    "no end": "return []float64{math.Inf(1)}",
    "a complex number": "return complex(5, math.Pi)",
    "a function": "return func() float64 { return math.Pi }",
    "a channel": "return make(chan float64, int(math.Sqrt(4)))",
    "half a character": "return string([]byte{0xff, byte(math.Sqrt(4))})",
    "a map of numbers": "return map[int]float64{1: math.Pi}",
    "what cannot be seen": "return struct{ a float64 }{math.Pi}",
}


@with_go
@pytest.mark.parametrize("what", DISGUISED)
async def test_only_plain_values_cross(sandbox: BoxedSandbox, what: str) -> None:
    assert (await attack(sandbox, "math", DISGUISED[what])).status == "not_plain"


@with_go
async def test_a_value_is_written_by_what_it_is_and_not_by_what_it_says(sandbox: BoxedSandbox) -> None:
    source = """package a
type five int
func (five) MarshalJSON() ([]byte, error) { return []byte("42"), nil }
func (five) MarshalText() ([]byte, error) { return []byte("42"), nil }
func (five) String() string { return "42" }
func attack() any {
    f := five(5)
    return []any{f, &f, map[string]any{"a": f}, 1e21, float32(0.1), uint64(1 << 63), "a\\"b"}
}
"""
    ran = await ask(sandbox, source, Call("attack"))

    assert ran.answers[0].value == [5, 5, {"a": 5}, 1e21, 0.1, 2**63, 'a"b']


@with_go
async def test_output_is_cut_off(sandbox: BoxedSandbox) -> None:
    limits = Limits(output_bytes=1000)
    answer = await attack(sandbox, "fmt", "for range 10000 { fmt.Println(`éééééééé`) }", limits=limits)

    assert answer.status == "returned"
    assert 900 < len(answer.output.encode()) <= 1000


@with_go
async def test_a_whole_program_is_not_asked(sandbox: BoxedSandbox) -> None:
    with pytest.raises(ValueError, match="asked for functions only"):
        await ask(sandbox, "package main\nfunc main() {}\n", Call(None, stdin="21\n"))


@with_go
async def test_a_box_that_is_lost_while_it_compiles_costs_nobody_a_grade(sandbox: BoxedSandbox) -> None:
    source = "package a\nfunc f() int { return 1 }\n"
    await ask(sandbox, source, Call("f"))
    await asyncio.sleep(3)  # by then the next box is ready
    running = asyncio.create_task(ask(sandbox, source, Call("f")))
    await asyncio.sleep(0.05)
    for pid in children():
        os.kill(pid, signal.SIGKILL)

    assert (await running).answers[0].value == 1


@with_go
async def test_what_the_compiler_takes_too_long_for_is_no_verdict_on_its_calls(
    sandbox: BoxedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxed, "COMPILING", Limits(wall_seconds=0.01))
    ran = await ask(sandbox, "package a\nfunc f() int { return 1 }\n", Call("f"))

    assert (ran.problem, ran.answers[0].status) == ("It could not be compiled within 0.01 seconds.", "not_reached")


async def test_without_a_toolchain_go_alone_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox = BoxedSandbox(None)
    await sandbox.opened()
    refused = {tier.language: tier.refused for tier in sandbox.tiers()}
    with pytest.raises(SandboxDown, match="Code in go cannot be run here: no Go toolchain is on this machine"):
        await ask(sandbox, "package a\nfunc f() {}\n", Call("f"))
    await sandbox.close()

    assert refused == {"python": None, "javascript": None, "go": toolchain.NO_TOOLCHAIN}


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("echo no JSON", "no answer that can be read"),
        ("echo '{}'", "no answer that can be read"),
        ("echo broken >&2; exit 1", "failed: broken"),
        ('echo \'{"GOVERSION": "go1.21.5", "GOTOOLDIR": "/"}\'', "go1.21.5 is too old"),
        ('echo \'{"GOVERSION": "devel +abc", "GOTOOLDIR": "/nowhere"}\'', "has no compiler and linker in /nowhere"),
    ],
)
async def test_a_go_that_cannot_be_used_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: str, why: str
) -> None:
    go = tmp_path / "go"
    go.write_text(f"#!/bin/sh\n{says}\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(building.CannotBuild, match=why):
        building.build(tmp_path, "go")


async def test_a_go_that_cannot_be_run_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.write_text("neither a script nor a program")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(building.CannotBuild, match="Exec format error"):
        building.build(tmp_path, "go")


async def test_a_clause_of_any_package_becomes_mains_where_it_stands() -> None:
    assert compiling.as_main("/* a */ // b\npackage  é\n") == "//line solution.go:1:1\n/* a */ // b\npackage  main\n"
    assert compiling.as_main("/*" * 10_000 + "package a") == "//line solution.go:1:1\n" + "/*" * 10_000 + "package a"
    assert "func main" not in compiling.calls_of("func main() {}", ["f"], 1)
    assert "func main" in compiling.calls_of("func f() {}", ["f", "not a name"], 1)


async def test_what_the_compiler_says_is_told_of_the_submissions_own_lines() -> None:
    own = "solution.go:3:2: undefined: x\n\tit goes on\ncalls.go:4:2: undefined: f"
    calls = "calls.go:4:2: undefined: f\ncalls.go:5:2: undefined: g"

    assert compiling.absent_functions(own) == []
    assert compiling.absent_functions(calls) == ["f", "g"]
    assert compiling.what_is_wrong(own) == "solution.go:3:2: undefined: x\n\tit goes on"
    assert compiling.what_is_wrong("calls.go:4:2: cannot use f") == "It cannot be called: cannot use f"
    assert compiling.why_it_ended("panic: no\n\ngoroutine 1:\n\tsolution.go:7 +0x1\n") == "panic: no (line 7)"


async def test_last_words_are_the_last() -> None:
    said = "panic: printed by the submission\n\nfatal error: runtime: cannot allocate memory\n\ngoroutine 1:\n"

    assert compiling.why_it_ended(said) == "fatal error: out of memory"
    assert compiling.why_it_ended("nothing of that kind") == ""
    assert compiling.what_is_wrong("") == "It could not be compiled: it is too large, or takes the compiler too long."


async def test_packages_that_cannot_be_compiled_leave_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for tool in ("compile", "link"):
        (tmp_path / tool).write_text("#!/bin/sh\necho no >&2; exit 1\n")
        (tmp_path / tool).chmod(0o755)
    folder = tmp_path / "kept"
    go = tmp_path / "go"
    go.write_text(
        f'#!/bin/sh\n[ $1 = env ] && echo \'{{"GOVERSION": "go1.26.1", "GOTOOLDIR": "{tmp_path}"}}\' && exit\n'
        f'[ -e {tmp_path}/elsewhere ] && echo "fmt /etc/passwd"\nexit 0\n'
    )
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(building.CannotBuild, match="compile failed: no"):
        building.build(folder, "go")
    (tmp_path / "elsewhere").touch()
    with pytest.raises(building.CannotBuild, match="Go has put /etc/passwd where it was not to"):
        building.build(folder, "go")
    assert [file.name for file in folder.iterdir()] == ["building.lock"]
