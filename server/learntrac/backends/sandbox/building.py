"""The interpreters that submissions run in, made from what pip installed and kept for the next start.

    python -I -m learntrac.backends.sandbox.building PARENT FOLDER LANGUAGE

What is kept is machine code that we run: nobody else may write into its folder, and its name carries the hash of
everything that it was made of.
"""

import fcntl
import hashlib
import importlib.util
import os
import platform
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from learntrac.backends.sandbox import toolchain, walls

GUEST = Path(__file__).parent / "guest"
STEPS = ("CPython as a WebAssembly component", "its machine code", "QuickJS's machine code", "Go's standard packages")
_ENGINE = "qjs-wasi-reactor"
JAVASCRIPT_PACKAGE = "qjs-wasi-reactor.wasm"

Step = Callable[[str], None]


class CannotBuild(Exception):
    """The interpreter is not to be had; the message says why."""


def default_folder() -> Path:
    """Where caches are kept on this machine, for this user."""
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "learntrac"


def code_path(folder: Path, language: str) -> Path:
    """Where the machine code of exactly these sources, tools and this machine is, once it is built.

    Of Go it is a folder of compiled packages. Raises CannotBuild where what it is made of is not installed.
    """
    if language == "go":
        return folder / f"go-{hashlib.sha256(toolchain.made_of(_find_go())).hexdigest()[:32]}"
    made_of = hashlib.sha256(platform.machine().encode())
    tools = ["wasmtime", "componentize-py" if language == "python" else JAVASCRIPT_PACKAGE]
    try:
        made_of.update("".join(f"{tool} {version(tool)}\0" for tool in tools).encode())
    except PackageNotFoundError as missing:
        raise CannotBuild(f"the package {missing.name} is not installed") from None
    if language == "python":
        for file in sorted(file for file in GUEST.iterdir() if file.suffix in (".py", ".wit")):
            made_of.update(f"{file.name}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    return folder / f"{language}-{made_of.hexdigest()[:32]}.cwasm"


def _find_go() -> toolchain.Toolchain:
    try:
        return toolchain.find_toolchain()
    except toolchain.NoToolchain as missing:
        raise CannotBuild(str(missing)) from missing


def check_ours(path: Path) -> None:
    """Whether only we may write this folder or file. Raises CannotBuild."""
    found = path.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or stat.S_ISLNK(found.st_mode):
        raise CannotBuild(f"{path}: others may write it, and code in it is run as it is")


def find_code(folder: Path, language: str) -> Path | None:
    """The machine code, where it has been built. Raises CannotBuild where others may have written it."""
    path = code_path(folder, language)
    if not path.exists():
        return None
    check_ours(folder)
    check_ours(path)
    return path


def build(folder: Path, language: str, on_step: Step = lambda _step: None) -> Path:
    """Build what is not there yet, one process at a time; a minute of one core. Raises CannotBuild."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_ours(folder)
        with _locked(folder):
            return find_code(folder, language) or _build(folder, language, on_step)
    except OSError as error:
        raise CannotBuild(f"{folder}: {error.strerror}") from error


def _build(folder: Path, language: str, on_step: Step) -> Path:
    path = code_path(folder, language)
    _MADE[language](path, on_step)
    _forget_others(path)
    return path


def _build_python(path: Path, on_step: Step) -> None:  # pragma: no cover - in the build's own process
    on_step(STEPS[0])
    with tempfile.TemporaryDirectory(prefix="learntrac-build-") as work:
        component = _componentize(Path(work)).read_bytes()
    on_step(STEPS[1])
    _write(path, _compiled(component, is_component=True))


def _build_javascript(path: Path, on_step: Step) -> None:
    engine = _quickjs()
    on_step(STEPS[2])
    _write(path, _compiled(engine, is_component=False))


def _build_go(path: Path, on_step: Step) -> None:
    on_step(STEPS[3])
    try:
        toolchain.build_packages(_find_go(), path)
    except toolchain.NoToolchain as problem:
        raise CannotBuild(str(problem)) from problem


_MADE = {"python": _build_python, "javascript": _build_javascript, "go": _build_go}


def find_engine() -> Path | None:
    """The interpreter in the package that carries it, where that is installed."""
    found = importlib.util.find_spec(_ENGINE)
    folders = list(found.submodule_search_locations or ()) if found else []
    files = [Path(folder) / f"{_ENGINE}.wasm" for folder in folders]
    return next((file for file in files if file.is_file()), None)


def _quickjs() -> bytes:
    file = find_engine()
    if file is None:
        raise CannotBuild(f"the package {JAVASCRIPT_PACKAGE} has no interpreter in it")
    return file.read_bytes()


def _componentize(work: Path) -> Path:  # pragma: no cover - it changes the folder and arguments of its process
    """The component: CPython, its standard library and the guest's own files, started and stopped at its first line."""
    import componentize_py  # noqa: PLC0415 - as below

    shutil.copytree(GUEST, work / "guest", ignore=shutil.ignore_patterns("__pycache__"))
    (work / "guest" / "entry.py").rename(work / "entry.py")
    options = ["-q", "-d", "guest/box.wit", "-w", "box", "componentize", "entry", "-p", ".", "-o", "box.wasm"]
    os.chdir(work)
    sys.argv = ["componentize-py", *options]
    try:
        componentize_py.script()
    except BaseException as error:  # it panics: an exception of its own, beside Python's
        raise CannotBuild(f"componentize-py: {error}") from error
    return work / "box.wasm"


def _compiled(content: bytes, *, is_component: bool) -> bytes:
    from wasmtime import Module  # noqa: PLC0415 - a server that only looks has no need of it
    from wasmtime.component import Component  # noqa: PLC0415

    from learntrac.backends.sandbox.worker import new_engine  # noqa: PLC0415

    kind = Component if is_component else Module
    return bytes(kind(new_engine(), content).serialize())


def _write(path: Path, code: bytes) -> None:
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(code)
    part.replace(path)


def _forget_others(path: Path) -> None:
    """What earlier versions built, unless somebody has just built it."""
    for file in path.parent.glob(f"{path.name.partition('-')[0]}-*"):
        if file.name != path.name and file.stat().st_mtime < path.stat().st_mtime - 7 * 86_400:
            with suppress(OSError):
                shutil.rmtree(file) if file.is_dir() else file.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder / "building.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def main() -> None:  # pragma: no cover - in the build's own process
    """Build, behind everything else that this machine does, and say each step on a line."""
    walls.die_with_parent(int(sys.argv[1]))
    os.nice(15)
    try:
        build(Path(sys.argv[2]), sys.argv[3], _say)
    except CannotBuild as problem:
        sys.exit(str(problem))


def _say(step: str) -> None:  # pragma: no cover - in the build's own process
    sys.stdout.write(f"{step}\n")
    sys.stdout.flush()


if __name__ == "__main__":  # pragma: no cover - in the build's own process
    main()
