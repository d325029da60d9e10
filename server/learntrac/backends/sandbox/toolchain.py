"""Go's compiler and linker, where this machine has them, and the packages that a submission may import, compiled once.

They are compiled by `go` itself, which begins processes as it likes: of a submission it sees nothing. A box then has
the compiler and the linker alone, which begin none.
"""

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HARNESS = Path(__file__).parent / "guest" / "harness.go"
HARNESS_PACKAGE = "learntrac/harness"
STANDARD = "/proc/self/fd/7"
"""Where compiler and linker find the compiled packages: an open folder, as nobody else may walk to where it lies."""
COMPILE_LIST, LINK_LIST = "compile.list", "link.list"
NO_TOOLCHAIN = "no Go toolchain is on this machine: there is no `go` in its PATH"
_OLDEST = (1, 22)
_LONGEST_SECONDS = 900
_PACKAGES = """
bufio bytes cmp context container/heap container/list container/ring crypto/hmac crypto/md5 crypto/rand crypto/sha1
crypto/sha256 crypto/sha512 encoding encoding/base32 encoding/base64 encoding/binary encoding/csv encoding/hex
encoding/json encoding/xml errors fmt hash hash/adler32 hash/crc32 hash/crc64 hash/fnv hash/maphash html io io/fs iter
log maps math math/big math/bits math/cmplx math/rand math/rand/v2 net net/url os os/exec os/signal path path/filepath
reflect regexp regexp/syntax runtime runtime/debug slices sort strconv strings sync sync/atomic syscall text/scanner
text/tabwriter text/template text/template/parse time unicode unicode/utf16 unicode/utf8 unique
""".split()  # noqa: SIM905 - to be read


class NoToolchain(Exception):
    """There is no Go that could be used; the message says why."""


@dataclass(frozen=True)
class Toolchain:
    """Where Go is, and which it is."""

    command: str
    version: str
    tools: Path

    @property
    def compiler(self) -> Path:
        """What turns a package into an archive."""
        return self.tools / "compile"

    @property
    def linker(self) -> Path:
        """What turns archives into a program."""
        return self.tools / "link"


def find_toolchain() -> Toolchain:
    """The Go of this machine. Raises NoToolchain where there is none, or none that is new enough."""
    command = shutil.which("go")
    if command is None:
        raise NoToolchain(NO_TOOLCHAIN)
    try:
        said = json.loads(_go(command, ["env", "-json", "GOVERSION", "GOTOOLDIR"], {}))
        found = Toolchain(command, said["GOVERSION"], Path(said["GOTOOLDIR"]))
    except (ValueError, KeyError) as error:
        raise NoToolchain("`go env` gives no answer that can be read") from error
    if _number(found.version) < _OLDEST:
        raise NoToolchain(f"{found.version} is too old: Go 1.22 or later is needed")
    if not (found.compiler.is_file() and found.linker.is_file()):
        raise NoToolchain(f"{found.version} has no compiler and linker in {found.tools}")
    return found


def _number(version: str) -> tuple[int, ...]:
    """Of `go1.26.8` the first two numbers; of a version between releases, as of one that is new."""
    parts = version.removeprefix("go").split(".")[:2]
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else _OLDEST


def made_of(toolchain: Toolchain) -> bytes:
    """What decides how the compiled packages come out."""
    parts = [toolchain.version, str(toolchain.tools), STANDARD, *_PACKAGES]
    return "\0".join(parts).encode() + HARNESS.read_bytes() + Path(__file__).read_bytes()


def build_packages(toolchain: Toolchain, folder: Path) -> None:
    """Put the compiled packages into `folder`, which appears when it is whole. Raises NoToolchain."""
    part = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}")
    part.mkdir(mode=0o755)
    try:
        with tempfile.TemporaryDirectory(prefix="learntrac-build-") as work:
            archives = _archives(toolchain, Path(work))
            _write_lists(part, archives)
        _compile_harness(toolchain, part)
        for file in part.iterdir():
            file.chmod(0o644)
        part.chmod(0o755)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _archives(toolchain: Toolchain, work: Path) -> dict[str, Path]:
    """{package: its archive}, of all that a submission may import and what that needs."""
    wanted = ["list", "-export", "-deps", "-trimpath", "-f", "{{.ImportPath}} {{.Export}}", *_PACKAGES]
    lines = _go(toolchain.command, wanted, {"GOCACHE": str(work / "cache"), "GOPATH": str(work / "path")}).splitlines()
    return {name: _kept(Path(file), work) for name, _, file in (line.partition(" ") for line in lines) if file}


def _kept(archive: Path, work: Path) -> Path:
    if not archive.is_relative_to(work):
        raise NoToolchain(f"Go has put {archive} where it was not to")
    return archive


def _write_lists(folder: Path, archives: Mapping[str, Path]) -> None:
    named = {}
    for number, (package, archive) in enumerate(archives.items()):
        shutil.copyfile(archive, folder / f"{number}.a")
        named[package] = f"{number}.a"
    named[HARNESS_PACKAGE] = "harness.a"
    open_ = {package: file for package, file in named.items() if package in _PACKAGES or package == HARNESS_PACKAGE}
    for name, packages in ((COMPILE_LIST, open_), (LINK_LIST, named)):
        lines = [f"packagefile {package}={STANDARD}/{file}\n" for package, file in packages.items()]
        (folder / name).write_text("".join(lines))


def _compile_harness(toolchain: Toolchain, folder: Path) -> None:
    """By the same list as a submission: what it imports is open to everybody."""
    listed = (folder / COMPILE_LIST).read_text().replace(STANDARD, str(folder))
    own = folder / "own.list"
    own.write_text(listed)
    options = ["-p", HARNESS_PACKAGE, "-complete", "-pack", "-trimpath", f"{HARNESS.parent}=>", "-importcfg", str(own)]
    _run([str(toolchain.compiler), *options, "-o", str(folder / "harness.a"), str(HARNESS)], {})
    own.unlink()


def _go(command: str, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    settled = {
        "GOTOOLCHAIN": "local",
        "GOENV": "off",
        "GOWORK": "off",
        "GOPROXY": "off",
        "GOFLAGS": "-mod=mod",
        "CGO_ENABLED": "0",
        "GO111MODULE": "on",
        "GOTELEMETRY": "off",
    }
    return _run([command, *arguments], settled | dict(environment))


def _run(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """What a tool of Go's prints. Raises NoToolchain where it fails."""
    home = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own Go
            command,
            env=home | dict(environment),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoToolchain(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        raise NoToolchain(f"{command[0]} failed: {done.stderr.strip()[-300:]}")
    return done.stdout
