"""The bridge between two boxes, the same at both ends: one has the tests, the other the submission.

Each end keeps what it has handed out, by number. A message is a request or the answer to one; while one end waits for
its answer, it serves the requests of the other, which it may have caused.
"""

import copy
import inspect
import json
import math
import operator
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, cast

from . import remote, wire

Exchange = Callable[[str], str]
MODULE = 0
"""The handle of what both ends know from the start: the submission's module."""
_OF_TEST_RUNNERS = {"unittest", "doctest", "pdb", "bdb"}

OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge", "contains", "getitem", "setitem",
       "delitem", "neg", "pos", "abs", "invert", "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul",
       "xor", "lshift", "rshift", "iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow", "imatmul", "ixor",
       "ilshift", "irshift", "index")},
    "and": operator.and_, "or": operator.or_, "iand": operator.iand, "ior": operator.ior,
    "divmod": divmod, "iter": iter, "next": next, "reversed": reversed, "len": len, "bool": bool, "int": int,
    "float": float, "complex": complex, "bytes": bytes, "str": str, "repr": repr, "hash": hash, "round": round,
    "trunc": math.trunc, "floor": math.floor, "ceil": math.ceil, "copy": copy.copy, "deepcopy": copy.deepcopy,
    "format": format, "get": getattr, "set": setattr, "delete": delattr,
    "enter": lambda manager: _special(manager, "__enter__")(),
    "exit": lambda manager, error: _special(manager, "__exit__")(error and type(error), error, None),
}  # fmt: skip


def _special(thing: object, name: str) -> Any:
    """A special method as `with` finds it: in the class, bound to the object."""
    found: Any = inspect.getattr_static(type(thing), name)
    return found.__get__(thing, type(thing)) if hasattr(type(found), "__get__") else found


class Lost(BaseException):
    """The other box has come to its end, or talks nonsense. Nothing of what it would have answered counts."""


class Guard:
    """What the other end may do with what it was handed; here: everything."""

    def check_export(self, thing: object) -> None:
        """Raises TypeError for what may not be handed out."""

    def check_operation(self, what: str, arguments: list[Any]) -> None:
        """Raises AttributeError or TypeError for what the other end may not do."""

    def may_meet(self, _mine: object, _other: object) -> bool:
        """Whether an operation may show the other end this operand of ours."""
        return True

    def may_hide(self, _error: BaseException | None) -> bool:
        """Whether the other end may swallow this exception of ours."""
        return True

    def shown(self, error: BaseException) -> tuple[object, ...]:
        """What the other end sees of an exception of ours."""
        return error.args

    def raised(self, error: BaseException) -> None:
        """An exception of ours goes to the other end, which may or may not let it through."""

    def named(self, name: str, found: object) -> None:
        """This end has asked for something of the other by its name."""

    def received(self, error: BaseException) -> BaseException:
        """The exception to raise for one of the other end."""
        return error

    sends_names = False
    """Whether the other end takes names of the standard library's things; classes of exceptions it always takes."""
    accepts_names = True
    """Whether this end does."""


class Bridge:
    """One end."""

    def __init__(self, exchange: Exchange, guard: Guard) -> None:
        self._exchange, self.guard = exchange, guard
        self._mine: dict[int, object] = {}
        self._numbers: dict[int, int] = {}
        self._theirs: dict[int, object] = {}
        self._described: set[int] = set()
        self._lock = threading.RLock()
        self.lost: str | None = None
        self.take_printed: Callable[[], str] = str
        self.print: Callable[[str], object] = len

    # What objects of the other box ask for.

    def ask(self, what: str, *arguments: object) -> Any:
        """Have the other end do an operation. Raises what it raises there, and Lost."""
        return self._request([what, [self.encode(argument) for argument in arguments]], list(arguments), {})

    def call(self, target: object, arguments: tuple[object, ...], named: dict[str, object]) -> Any:
        """Have the other end call something. What it changes in a list, set or dict of the arguments is changed."""
        encoded = [self.encode(target), *map(self.encode, arguments)]
        names = [[name, self.encode(value)] for name, value in named.items()]
        return self._request(["call", encoded, names], list(arguments), named)

    def may_meet(self, mine: object, other: object) -> bool:
        """See Guard."""
        return remote.is_remote(other) or self.guard.may_meet(mine, other)

    def may_hide(self, error: BaseException | None) -> bool:
        """See Guard."""
        return self.guard.may_hide(error)

    def _request(self, request: list[Any], arguments: list[object], named: dict[str, object]) -> Any:
        with self._lock:
            message: list[Any] = ["?", *request]
            while True:
                reply = self._talk(message)
                if reply[0] != "?":
                    break
                message = self.serve(reply)
            return self._taken(reply, arguments, named)

    def _talk(self, message: list[Any]) -> list[Any]:
        if self.lost is not None:
            raise Lost(self.lost)
        try:
            text = self._exchange(json.dumps(message))
        except Lost as lost:
            self._lose(str(lost))
        reply: Any = None
        with suppress(ValueError, RecursionError):
            reply = json.loads(text)
        if type(reply) is not list or not reply or reply[0] not in ("?", "=", "!"):
            self._lose("crashed")
        return reply

    def _lose(self, cause: str) -> NoReturn:
        self.lost = cause
        raise Lost(cause)

    def _taken(self, reply: list[Any], arguments: list[object], named: dict[str, object]) -> Any:
        try:
            kind, value, changed, printed = reply
            self.print(str(printed))
            decoded = _given(arguments, value) if type(value) is list and value[0] == "A" else self.decode(value)
            for place, content in changed:
                _renew(named[place] if type(place) is str else arguments[place], self.decode(content))
        except Exception:  # noqa: BLE001 - whatever the other end may have made up
            self._lose("crashed")
        if kind == "!":
            raise self.guard.received(cast("BaseException", decoded))
        return decoded

    # What the other end asks for.

    def serve(self, request: list[Any]) -> list[Any]:
        """Do what the other end asks for, and give the answer."""
        try:
            what, encoded, *names = request[1:]
            arguments = [self.decode(argument) for argument in encoded]
            named = {name: self.decode(value) for name, value in names[0]} if names else {}
        except Exception:  # noqa: BLE001 - whatever the other end may have made up
            self._lose("crashed")
        before = _contents(arguments[1:], named, self.encode) if what == "call" else {}
        try:
            value = self._encode_result(self._done(what, arguments, named), before, arguments)
            kind = "="
        except Lost:
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised at the other end
            self.guard.raised(error)
            kind, value = "!", self._encode_error(error)
        return [kind, value, self._changes(before, arguments, named), self.take_printed()]

    def _done(self, what: str, arguments: list[Any], named: dict[str, Any]) -> object:
        self.guard.check_operation(what, arguments)
        if what == "call":
            return arguments[0](*arguments[1:], **named)
        return OPERATIONS[what](*arguments)

    def _encode_result(self, value: object, before: dict[int | str, Any], arguments: list[Any]) -> Any:
        """What a call returned; a list, set or dict that it was given goes back as the very same."""
        for place in before:
            if type(place) is int and arguments[place + 1] is value:
                return ["A", place]
        return self.encode(value)

    def _changes(self, before: dict[int | str, Any], arguments: list[Any], named: dict[str, Any]) -> list[Any]:
        changes = []
        for place, content in before.items():
            now = self.encode(named[place] if isinstance(place, str) else arguments[place + 1])
            if now != content:
                changes.append([place, now])
        return changes

    # Values.

    def encode(self, value: object, depth: int = 0) -> Any:
        """A value as it travels: a copy where it is plain, the other end's own thing back, or a handle."""
        if depth > wire.DEEPEST:
            raise RecursionError("too deeply nested to be passed on")
        if remote.is_remote(value):
            return ["O", remote.handle_of(value)]
        plain = wire.encode_plain(value, lambda item: self.encode(item, depth + 1))
        if plain is not None:
            return plain
        if isinstance(value, BaseException):
            return self._encode_error(value)
        if isinstance(value, type):
            return self._encode_class(value)
        if (name := wire.name_of(value)) is not None and self.guard.sends_names:
            return ["N", *name]
        self.guard.check_export(value)
        return ["o", self._number(value), self._encode_class(type(value))]

    def _encode_class(self, kind: type) -> Any:
        if kind.__module__ == "builtins" and getattr(sys.modules["builtins"], kind.__name__, None) is kind:
            return ["N", "builtins", kind.__name__]
        name = wire.name_of(kind)
        if name is not None and (self.guard.sends_names or _is_known_exception(kind, name[0])):
            return ["N", *name]
        number = self._number(kind)
        if number in self._described:
            return ["k", number]
        self._described.add(number)
        return ["k", number, self._description(kind)]

    def _description(self, kind: type) -> dict[str, Any]:
        return {
            "name": kind.__name__,
            "bases": [self._encode_class(base) for base in kind.__bases__ if base is not object],
            "specials": [name for name in remote.SPECIAL if hasattr(kind, name)],
            "hashable": kind.__hash__ is not None,
        }

    def _encode_error(self, error: BaseException) -> Any:
        try:
            text = str(error)
        except BaseException:  # noqa: BLE001 - its own __str__
            text = "(it has no message)"
        shown = self.guard.shown(error)
        arguments = []
        for argument in shown:
            try:
                arguments.append(self.encode(argument))
            except Exception:  # noqa: BLE001 - an argument that may not cross is left out
                arguments.append(["n"])
        return ["E", self._encode_class(type(error)), arguments, text if shown else "", self._number(error)]

    def _number(self, thing: object) -> int:
        number = self._numbers.get(id(thing))
        if number is None:
            number = len(self._mine) + 1
            self._mine[number] = thing
            self._numbers[id(thing)] = number
        return number

    def bind(self, thing: object) -> None:
        """What the other end means by MODULE."""
        self._mine[MODULE] = thing

    def decode(self, data: Any) -> Any:
        """The value that travelled. Raises Unreadable, or whatever a made-up message leads to."""
        if type(data) is not list:
            return wire.decode_plain(data, self.decode)
        tag = data[0]
        if tag == "O":
            return self._mine[data[1]]
        if tag == "o":
            return self._object(data[1], data[2])
        if tag in ("k", "N"):
            return self._class(data)
        if tag == "E":
            return self._error(*data[1:])
        return wire.decode_plain(data, self.decode)

    def _object(self, number: int, described: Any) -> object:
        kind = self._class(described)
        if number not in self._theirs:
            if type(kind) is not remote.RemoteType:
                kind = self._stand_in(kind)
            self._theirs[number] = remote.make_object(kind, number)
        return self._theirs[number]

    def _stand_in(self, kind: type) -> type:
        """For an object whose class both ends have, such as a generator: what it can do is asked for there."""
        number = -id(kind)
        if number not in self._theirs:
            specials = [name for name in remote.SPECIAL if hasattr(kind, name)]
            made = remote.make_class(self, 0, name=kind.__name__, bases=(), specials=specials, hashable=True)
            self._theirs[number] = made
        found = self._theirs[number]
        assert isinstance(found, type)  # noqa: S101 - put there just now
        return found

    def _class(self, data: Any) -> Any:
        if data[0] == "N":
            return self._by_name(data[1], data[2])
        number = data[1]
        if number not in self._theirs:
            described = data[2]
            bases = tuple(base for base in map(self._class, described["bases"]) if _may_be_base(base))
            self._theirs[number] = remote.make_class(
                self,
                number,
                name=str(described["name"]),
                bases=bases,
                specials=list(described["specials"]),
                hashable=described["hashable"] is True,
            )
        return self._theirs[number]

    def _by_name(self, module: str, name: str) -> Any:
        found = wire.by_name(module, name)
        if self.guard.accepts_names or (module == "builtins" and isinstance(found, type)):
            return found
        if isinstance(found, type) and _is_known_exception(found, module):
            return found
        raise wire.Unreadable

    def _error(self, described: Any, arguments: list[Any], text: str, number: int) -> BaseException:
        if number in self._theirs:
            found = self._theirs[number]
            assert isinstance(found, BaseException)  # noqa: S101 - only such get here
            return found
        kind = self._class(described)
        decoded = tuple(self.decode(argument) for argument in arguments)
        error = remote.make_error(kind, decoded, number, str(text))
        if type(kind) is remote.RemoteExceptionType:
            self._theirs[number] = error
        return error


def _is_known_exception(kind: type, module: str) -> bool:
    """Whether both ends have this exception, and it means nothing to what runs the tests."""
    root = module.partition(".")[0]
    return issubclass(kind, BaseException) and root in sys.stdlib_module_names and root not in _OF_TEST_RUNNERS


def _may_be_base(base: type) -> bool:
    return type(base) in (remote.RemoteType, remote.RemoteExceptionType) or issubclass(base, BaseException)


def _contents(arguments: list[Any], named: dict[str, Any], encode: Callable[[object], Any]) -> dict[int | str, Any]:
    """What stands in the lists, sets and dicts among the arguments, so that a change can be told."""
    places: list[tuple[int | str, Any]] = [*enumerate(arguments), *named.items()]
    return {place: encode(value) for place, value in places if type(value) in (list, dict, set, bytearray)}


def _given(arguments: list[object], reference: list[Any]) -> object:
    """The argument that a call returned as it is. Raises Unreadable for what has no identity to speak of."""
    found = arguments[reference[1]]
    if type(found) not in (list, dict, set, bytearray):
        raise wire.Unreadable
    return found


def _renew(old: Any, new: Any) -> None:
    """Give a list, set or dict the content that it has at the other end."""
    if type(old) is not type(new):
        raise wire.Unreadable
    if type(old) in (list, bytearray):
        old[:] = new
    elif type(old) in (dict, set):
        old.clear()
        old.update(new)
    else:
        raise wire.Unreadable
