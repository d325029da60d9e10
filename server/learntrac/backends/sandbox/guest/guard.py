"""What the submission may do with what the tests hand it, and what it gets to see.

It may call what it is given, and use an object of a class that the tests define by its public names. It may not walk
from there to the tests: no frames, no globals, no test case.
"""

import io
import sys
import unittest
import unittest.mock
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from . import remote
from .bridge import Guard

_NEVER = (ModuleType, unittest.TestCase, unittest.TestSuite, unittest.TestResult)
_INSIDE_PYTHON = {"frame", "traceback", "code", "coroutine", "async_generator", "cell"}
_MOCKS_OWN = frozenset(dir(unittest.mock.MagicMock()))
_JUST_CALLED = (FunctionType, MethodType, BuiltinFunctionType)


class TestsGuard(Guard):
    """At the tests' end."""

    sends_names = True
    accepts_names = False

    def __init__(self, modules: set[str], classes: list[str] | None) -> None:
        self._modules, self._classes = modules, classes
        self._named: set[type] = set()
        self._swallowed: BaseException | None = None

    def named(self, name: str, found: object) -> None:
        # A class may be handed in where a function is asked for: it would be shown what should have come back.
        if type(found) is remote.RemoteType and (self._classes is None or name in self._classes):
            self._named.add(found)

    def may_meet(self, mine: object, _other: object) -> bool:
        """Only an object of a class that the tests ask for by name, and that is to be a class, is shown what it is
        compared with: another could be made where a number should have come back, and answer whatever is wanted.
        """
        kind = mine if isinstance(mine, type) else type(mine)
        return any(base in self._named for base in kind.__mro__)

    def may_hide(self, error: BaseException | None) -> bool:
        return not isinstance(error, AssertionError) and isinstance(error, Exception)

    def shown(self, error: BaseException) -> tuple[object, ...]:
        """A failed assertion names what was expected."""
        return () if isinstance(error, AssertionError) else error.args

    def raised(self, error: BaseException) -> None:
        if isinstance(error, AssertionError):
            self._swallowed = error

    def take_swallowed(self) -> BaseException | None:
        """A failed assertion that went through the submission, which may have let it go, since this was last asked."""
        taken, self._swallowed = self._swallowed, None
        return taken

    def received(self, error: BaseException) -> BaseException:
        """What would end the run of the tests ends one test only."""
        if isinstance(error, KeyboardInterrupt | GeneratorExit):
            return RuntimeError(type(error).__name__)
        return error

    def check_export(self, thing: object) -> None:
        if isinstance(thing, _NEVER) or type(thing).__name__ in _INSIDE_PYTHON:
            raise TypeError(f"a {type(thing).__name__} of the tests is not handed out")

    def check_operation(self, what: str, arguments: list[Any]) -> None:
        if what in ("set", "delete"):
            raise AttributeError("what belongs to the tests is not changed")
        if what == "get":
            self._check_attribute(*arguments)

    def _check_attribute(self, owner: Any, name: object, *_default: object) -> None:
        if type(name) is not str or not self._is_open(owner, name):
            raise AttributeError(str(name)[:100])

    def _is_open(self, owner: Any, name: str) -> bool:
        if name in ("__name__", "__doc__"):
            return isinstance(owner, (*_JUST_CALLED, type))
        if name.startswith("_") or isinstance(owner, _JUST_CALLED):
            return False
        kind = owner if isinstance(owner, type) else type(owner)
        if issubclass(kind, unittest.mock.NonCallableMock):
            return name not in _MOCKS_OWN
        own = kind.__module__ in self._modules and not issubclass(kind, _NEVER)
        return own or issubclass(kind, io.IOBase) or isinstance(owner, BaseException)


class Submitted(ModuleType):
    """The submission as a module: what the tests import."""

    def __init__(self, name: str, module: object, guard: Guard, names: list[str]) -> None:
        super().__init__(name)
        own = {"_learntrac_module": module, "_learntrac_guard": guard, "__all__": names}
        self.__dict__.update(own)

    def __getattr__(self, name: str) -> Any:
        if name in ("__path__", "__file__", "__spec__", "__loader__", "__wrapped__"):
            raise AttributeError(name)
        own = self.__dict__
        found = remote.link_of(own["_learntrac_module"]).ask("get", own["_learntrac_module"], name)
        own["_learntrac_guard"].named(name, found)
        return found

    def __setattr__(self, name: str, value: object) -> None:
        module = self.__dict__["_learntrac_module"]
        remote.link_of(module).ask("set", module, name, value)

    def __delattr__(self, name: str) -> None:
        module = self.__dict__["_learntrac_module"]
        remote.link_of(module).ask("delete", module, name)


def offer(name: str, module: object, guard: Guard, names: list[str]) -> None:
    """Let the tests import the submission by its name."""
    sys.modules[name] = Submitted(name, module, guard, names)
