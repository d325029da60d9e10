"""Objects of the other box. One of these looks like what it stands for, and asks the other box for everything.

It never passes for a plain value: it is not derived from one, and is equal to none, whatever the other box would say.
"""

from collections.abc import Callable
from types import GeneratorType
from typing import Any, Protocol, TypeVar, cast

Anything = Any
_T = TypeVar("_T")


class Link(Protocol):
    """What objects need of the bridge that they came over."""

    def ask(self, what: str, *arguments: object) -> Any:
        """Have the other box do something."""
        ...

    def call(self, target: object, arguments: tuple[object, ...], named: dict[str, object]) -> Any:
        """Have the other box call something."""
        ...

    def may_meet(self, mine: object, other: object) -> bool:
        """Whether an operation may show `other` to the other box."""
        ...

    def may_hide(self, error: BaseException | None) -> bool:
        """Whether the other box may swallow this exception at the end of a `with`."""
        ...


def link_of(thing: object) -> Link:
    """The bridge of an object of the other box; its class holds it."""
    return cast("Link", object.__getattribute__(thing, "__learntrac_link__"))


def is_remote(thing: object) -> bool:
    """Whether this stands for something of the other box: an object, a class or an exception."""
    kind = type(thing)
    if kind in (RemoteType, RemoteExceptionType) or issubclass(kind, RemoteObject):
        return True
    return isinstance(thing, BaseException) and "__learntrac_handle__" in thing.__dict__


def handle_of(thing: object) -> int:
    """What the other box knows this by."""
    if isinstance(thing, BaseException):
        return cast("int", thing.__dict__["__learntrac_handle__"])
    if type(thing) in (RemoteType, RemoteExceptionType):
        return cast("int", type.__getattribute__(thing, "__learntrac_class__"))
    return cast("int", object.__getattribute__(thing, "__learntrac_handle__"))


class RemoteType(type):
    """A class of the other box. Its objects are made there."""

    def __call__(cls, *arguments: object, **named: object) -> Any:
        return link_of(cls).call(cls, arguments, named)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__learntrac_") or name == "__abstractmethods__":
            raise AttributeError(name)
        return link_of(cls).ask("get", cls, name)

    def __setattr__(cls, name: str, value: object) -> None:
        link_of(cls).ask("set", cls, name, value)

    def __iter__(cls) -> Any:
        return link_of(cls).ask("iter", cls)

    def __len__(cls) -> int:
        return cast("int", link_of(cls).ask("len", cls))

    def __getitem__(cls, key: object) -> Any:
        return link_of(cls).ask("getitem", cls, key)

    def __contains__(cls, item: object) -> bool:
        return link_of(cls).ask("contains", cls, item) is True

    def __bool__(cls) -> bool:
        return True


def _truth(answer: object) -> bool:
    if type(answer) is not bool:
        raise TypeError("a comparison has to answer True or False")
    return answer


def _compared(name: str) -> Callable[[Anything, object], Any]:
    def compare(self: Anything, other: object) -> Any:
        if not is_remote(other):
            return NotImplemented
        return _truth(link_of(self).ask(name, self, other))

    return compare


def _ordered(name: str) -> Callable[[Anything, object], Any]:
    def order(self: Anything, other: object) -> Any:
        if not link_of(self).may_meet(self, other):
            return NotImplemented
        return _truth(link_of(self).ask(name, self, other))

    return order


class RemoteObject(metaclass=RemoteType):
    """An object of the other box: what every object has."""

    __slots__ = ("__learntrac_handle__", "__weakref__")

    __eq__ = _compared("eq")
    __ne__ = _compared("ne")
    __lt__ = _ordered("lt")
    __le__ = _ordered("le")
    __gt__ = _ordered("gt")
    __ge__ = _ordered("ge")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__learntrac_"):
            raise AttributeError(name)
        return link_of(self).ask("get", self, name)

    def __setattr__(self, name: str, value: object) -> None:
        link_of(self).ask("set", self, name, value)

    def __delattr__(self, name: str) -> None:
        link_of(self).ask("delete", self, name)

    def __hash__(self) -> int:
        return _exactly(int, link_of(self).ask("hash", self))

    def __str__(self) -> str:
        return _exactly(str, link_of(self).ask("str", self))

    def __repr__(self) -> str:
        return _exactly(str, link_of(self).ask("repr", self))

    def __format__(self, form: str) -> str:
        return _exactly(str, link_of(self).ask("format", self, form))

    def __copy__(self) -> Any:
        return link_of(self).ask("copy", self)

    def __deepcopy__(self, _memo: object) -> Any:
        return link_of(self).ask("deepcopy", self)

    def __reduce_ex__(self, _protocol: object) -> Any:
        raise TypeError("an object of the submission cannot be pickled")


def _exactly(kind: type[_T], answer: Any) -> _T:
    if type(answer) is not kind:
        raise TypeError(f"this has to be of type {kind.__name__}")
    return answer


def _unary(name: str) -> Callable[[Anything], Any]:
    return lambda self: link_of(self).ask(name, self)


def _typed(name: str, kind: type) -> Callable[[Anything], Any]:
    return lambda self: _exactly(kind, link_of(self).ask(name, self))


def _binary(name: str) -> Callable[[Anything, object], Any]:
    def operate(self: Anything, other: object) -> Any:
        return link_of(self).ask(name, self, other) if link_of(self).may_meet(self, other) else NotImplemented

    return operate


def _reflected(name: str) -> Callable[[Anything, object], Any]:
    def operate(self: Anything, other: object) -> Any:
        return link_of(self).ask(name, other, self) if link_of(self).may_meet(self, other) else NotImplemented

    return operate


def _call(self: Anything, *arguments: object, **named: object) -> Any:
    return link_of(self).call(self, arguments, named)


def _contains(self: Anything, item: object) -> bool:
    link = link_of(self)
    if link.may_meet(self, item):
        return link.ask("contains", self, item) is True
    return any(found is item or found == item for found in self)


def _enter(self: Anything) -> Any:
    return link_of(self).ask("enter", self)


def _exit(self: Anything, _kind: object, error: BaseException | None, _traceback: object) -> bool:
    link = link_of(self)
    hidden = link.ask("exit", self, error)
    return bool(hidden) and link.may_hide(error)


def _item(name: str) -> Callable[..., Any]:
    return lambda self, *arguments: link_of(self).ask(name, self, *arguments)


def _method(name: str) -> Callable[..., Any]:
    return lambda self, *arguments: link_of(self).ask("get", self, name)(*arguments)


_ARITHMETIC = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow", "matmul", "and", "or", "xor", "lshift",
    "rshift",
)  # fmt: skip

SPECIAL: dict[str, Callable[..., Any]] = {
    "__call__": _call,
    "__contains__": _contains,
    "__enter__": _enter,
    "__exit__": _exit,
    "__iter__": _unary("iter"),
    "__next__": _unary("next"),
    **{name: _method(name) for name in ("send", "throw", "close")},
    "__reversed__": _unary("reversed"),
    "__len__": _typed("len", int),
    "__bool__": _typed("bool", bool),
    "__int__": _typed("int", int),
    "__index__": _typed("index", int),
    "__float__": _typed("float", float),
    "__complex__": _typed("complex", complex),
    "__bytes__": _typed("bytes", bytes),
    **{f"__{name}__": _unary(name) for name in ("neg", "pos", "abs", "invert", "trunc", "floor", "ceil")},
    "__round__": _item("round"),
    **{f"__{name}__": _item(name) for name in ("getitem", "setitem", "delitem")},
    **{f"__{name}__": _binary(name) for name in _ARITHMETIC},
    **{f"__r{name}__": _reflected(name) for name in _ARITHMETIC},
    **{f"__i{name}__": _binary(f"i{name}") for name in _ARITHMETIC if name != "divmod"},
}
"""What an object has only where its class in the other box has it too."""


def _exception_text(self: Anything) -> str:
    return cast("str", self.__dict__["__learntrac_text__"])


def _exception_attribute(self: Anything, name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return link_of(type(self)).ask("get", self, name)


class _Doc:
    """The docstring of the object, or of its class, in the other box."""

    def __get__(self, thing: object, owner: type) -> Any:
        return link_of(owner).ask("get", owner if thing is None else thing, "__doc__")


def make_class(
    link: Link, handle: int, *, name: str, bases: tuple[type, ...], specials: list[str], hashable: bool
) -> type:
    """A class that stands for one of the other box: an exception is one here too, so that it can be caught."""
    own: dict[str, Any] = {"__learntrac_link__": link, "__learntrac_class__": handle, "__module__": "submission"}
    if any(issubclass(base, BaseException) for base in bases):
        kept = tuple(base for base in bases if issubclass(base, BaseException))
        own |= {"__str__": _exception_text, "__getattr__": _exception_attribute}
        return _made(RemoteExceptionType, name, kept, own, (Exception,))
    own["__slots__"] = ()
    own["__doc__"] = _Doc()
    own |= {special: SPECIAL[special] for special in specials if special in SPECIAL}
    if not hashable:
        own["__hash__"] = None
    if "send" in specials and name == "generator":
        # What `inspect.isgenerator` looks at. It says nothing of what the object yields.
        own["__class__"] = property(lambda _self: GeneratorType)
    return _made(RemoteType, name, bases, own, (RemoteObject,))


class RemoteExceptionType(type):
    """As RemoteType, for exceptions: Python insists that they are built by their own class."""

    __call__ = RemoteType.__call__
    __getattr__ = RemoteType.__getattr__


def _made(kind: type[type], name: str, bases: tuple[type, ...], own: dict[str, Any], instead: tuple[type, ...]) -> type:
    try:
        return kind.__new__(kind, name, bases or instead, own)
    except TypeError:
        # Bases that do not go together here, such as two layouts; what it can do is forwarded all the same.
        return kind.__new__(kind, name, instead, own)


def make_object(kind: Any, handle: int) -> Any:
    """An object of this class of the other box."""
    made = object.__new__(kind)
    object.__setattr__(made, "__learntrac_handle__", handle)
    return made


def make_error(kind: Any, arguments: tuple[object, ...], handle: int, text: str) -> BaseException:
    """An exception of the other box, to be raised here. Raises TypeError for what is none."""
    if not issubclass(kind, BaseException):
        raise TypeError("this is no exception")
    if kind.__module__ == "builtins":
        return cast("BaseException", kind(*arguments))
    # Without its __init__, which may want other arguments than it keeps.
    error = cast("BaseException", kind.__new__(kind, *arguments))
    error.args = arguments
    if type(kind) is not RemoteExceptionType:
        return error
    error.__dict__["__learntrac_handle__"] = handle
    error.__dict__["__learntrac_text__"] = text
    return error
