"""The box of a submission that tests reach through calls: it serves one request after the other."""

import builtins
import io
import json
import sys
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from . import bridge, calls

Message = dict[str, Any]


def serve(order: Message, exchange: Callable[[str], str]) -> str:
    """Load the source as the module that the tests import, then do what they ask for. The first reply says what is
    wrong with it, and which names it has.
    """
    offer_files(order["files"])
    printed = calls.Printed(order["output"])
    module, problem = load(order["module"], order["source"], printed)
    end = bridge.Bridge(exchange, bridge.Guard())
    end.bind(module)
    end.take_printed = printed.take
    reply = json.dumps({"problem": problem, "names": public_names(module), "output": printed.take()})
    while True:
        request = json.loads(exchange(reply))
        reply = json.dumps(end.serve(request))


def load(name: str, source: str, printed: io.StringIO) -> tuple[ModuleType, str | None]:
    """The module, and what went wrong while it was loaded."""
    module = ModuleType(name)
    module.__file__ = f"{calls.MODULE}.py"
    sys.modules[name] = module
    sys.stdout = sys.stderr = printed
    sys.stdin = io.StringIO()
    code, problem = calls.compile_source(source)
    if code is None:
        return module, problem
    try:
        exec(code, module.__dict__)  # noqa: S102 - this is what a box is for
    except BaseException as error:  # noqa: BLE001 - SystemExit too
        line = calls.line_of(error)
        return module, calls.describe(error) + (f" (line {line})" if line else "")
    return module, None


def public_names(module: ModuleType) -> list[str]:
    """What `from module import *` brings."""
    names: Any = getattr(module, "__all__", None)
    if type(names) in (list, tuple):
        return [name for name in names if type(name) is str]
    return [name for name in list(module.__dict__) if type(name) is str and not name.startswith("_")]


class _Files(MetaPathFinder, Loader):
    """Modules among the exercise's further files."""

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    def find_spec(self, fullname: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """Python asks here for each module that it has not loaded."""
        return ModuleSpec(fullname, self) if f"{fullname.replace('.', '/')}.py" in self._files else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the file."""
        source = self._files[f"{module.__name__.replace('.', '/')}.py"]
        exec(compile(source, f"{module.__name__}.py", "exec"), module.__dict__)  # noqa: S102


def offer_files(files: dict[str, str]) -> None:
    """Let `import` and `open` find the exercise's further files."""
    sys.meta_path.append(_Files(files))
    usual = builtins.open

    def open_file(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        name = str(file).removeprefix("./")
        if name in files and not set(mode) & set("wax+"):
            return io.BytesIO(files[name].encode()) if "b" in mode else io.StringIO(files[name])
        return usual(file, mode, *arguments, **named)

    builtins.open = open_file
