"""Values between two boxes: what travels as a copy.

JSON, with a list around everything that JSON has no name for: `["t", …]` is a tuple. Only exact types travel so; what
is derived from them does not. Everything else is left to the bridge, which sends a handle.
"""

import collections
import datetime
import decimal
import fractions
import math
import sys
from collections.abc import Callable
from typing import Any

Encode = Callable[[object], Any]
Decode = Callable[[Any], Any]

DEEPEST = 200
_SMALL = 2**53
_COPIED: dict[type, str] = {list: "l", tuple: "t", set: "s", frozenset: "z", collections.deque: "q"}
_SEQUENCES: dict[str, Callable[[Any], object]] = {
    "l": list,
    "t": tuple,
    "s": set,
    "z": frozenset,
    "q": collections.deque,
}
_MAPPINGS: dict[type, str] = {
    dict: "d",
    collections.OrderedDict: "od",
    collections.Counter: "cd",
    # A factory may be the submission's: what has been looked up is what counts.
    collections.defaultdict: "d",
}
_MAPPINGS_MADE: dict[str, Callable[[Any], object]] = {
    "d": dict,
    "od": collections.OrderedDict,
    "cd": lambda pairs: collections.Counter(dict(pairs)),
}
_SINGLE: dict[str, object] = {"...": ..., "ni": NotImplemented}


class Unreadable(Exception):
    """This is nothing that an unchanged box would send."""


class NotANumber(ValueError):
    """NaN equals nothing: a comparison with it means nothing either, and it may not cross."""


def encode_plain(value: object, encode: Encode) -> Any:
    """`value` as it travels, or None where it travels by handle (None itself is `["n"]`)."""
    kind = type(value)
    if value is None:
        return ["n"]
    if kind in (bool, str) or (kind is int and -_SMALL < value < _SMALL):  # type: ignore[operator] # an int by now
        return value
    for known, encoder in _ENCODERS.items():
        if kind is known:
            return encoder(value, encode)
    return None


def decode_plain(data: Any, decode: Decode) -> Any:
    """What `encode_plain` was given. Raises Unreadable."""
    if type(data) in (bool, str, int):
        return data
    tag, *rest = data
    if tag in _SEQUENCES:
        items = rest[0]
        return _SEQUENCES[tag](items if set(map(type, items)) <= {int, str, bool} else map(decode, items))
    if tag in _MAPPINGS_MADE:
        return _MAPPINGS_MADE[tag]([(decode(key), decode(item)) for key, item in rest[0]])
    decoder = _DECODERS.get(tag)
    if decoder is None:
        raise Unreadable
    return decoder(*rest)


def _number(value: Any, _encode: Encode) -> Any:
    if math.isnan(value):
        raise NotANumber("NaN is no number that can be compared")
    return ["f", value.hex()]


def _complex(value: Any, encode: Encode) -> Any:
    return ["c", _number(value.real, encode)[1], _number(value.imag, encode)[1]]


def _sequence(value: Any, encode: Encode) -> Any:
    return [_COPIED[type(value)], list(value) if _is_simple(value) else [encode(item) for item in value]]


def _is_simple(items: Any) -> bool:
    """Whether each of them travels as it is: long lists of numbers or names are worth the look."""
    kinds = set(map(type, items))
    if not kinds <= {int, str, bool}:
        return False
    return int not in kinds or (kinds == {int} and min(items) > -_SMALL and max(items) < _SMALL)


def _mapping(value: Any, encode: Encode) -> Any:
    return [_MAPPINGS[type(value)], [[encode(key), encode(item)] for key, item in value.items()]]


def _moment(value: Any, _encode: Encode) -> Any:
    zone = value.tzinfo
    if zone is not None and type(zone) is not datetime.timezone:
        return None
    fields = [value.hour, value.minute, value.second, value.microsecond, value.fold]
    offset = None if zone is None else zone.utcoffset(None).total_seconds()
    day = [value.year, value.month, value.day] if type(value) is datetime.datetime else []
    return ["dt" if day else "ti", day + fields, offset]


_ENCODERS: dict[type, Callable[[Any, Encode], Any]] = {
    int: lambda value, _encode: ["i", hex(value)],
    float: _number,
    complex: _complex,
    **dict.fromkeys(_COPIED, _sequence),
    **dict.fromkeys(_MAPPINGS, _mapping),
    bytes: lambda value, _encode: ["b", value.hex()],
    bytearray: lambda value, _encode: ["ba", value.hex()],
    range: lambda value, _encode: ["r", value.start, value.stop, value.step],
    slice: lambda value, encode: ["sl", [encode(part) for part in (value.start, value.stop, value.step)]],
    type(...): lambda _value, _encode: ["1", "..."],
    type(NotImplemented): lambda _value, _encode: ["1", "ni"],
    datetime.date: lambda value, _encode: ["da", value.isoformat()],
    datetime.datetime: _moment,
    datetime.time: _moment,
    datetime.timedelta: lambda value, _encode: ["td", value.days, value.seconds, value.microseconds],
    datetime.timezone: lambda value, _encode: ["tz", value.utcoffset(None).total_seconds()],
    decimal.Decimal: lambda value, _encode: _decimal(value),
    fractions.Fraction: lambda value, _encode: ["fr", hex(value.numerator), hex(value.denominator)],
}


def _decimal(value: decimal.Decimal) -> Any:
    if value.is_nan():
        raise NotANumber("NaN is no number that can be compared")
    return ["de", str(value)]


def _float(text: str) -> float:
    value = float.fromhex(text)
    if math.isnan(value):
        raise Unreadable
    return value


def _zone(offset: float | None) -> datetime.timezone | None:
    return None if offset is None else datetime.timezone(datetime.timedelta(seconds=offset))


_DECODERS: dict[str, Callable[..., object]] = {
    "n": lambda: None,
    "1": lambda name: _SINGLE[name],
    "i": lambda text: int(text, 16),
    "f": _float,
    "c": lambda real, imaginary: complex(_float(real), _float(imaginary)),
    "b": bytes.fromhex,
    "ba": bytearray.fromhex,
    "r": range,
    "da": datetime.date.fromisoformat,
    "dt": lambda fields, offset: datetime.datetime(*fields[:7]).replace(fold=fields[7], tzinfo=_zone(offset)),  # noqa: DTZ001 - the zone follows
    "ti": lambda fields, offset: datetime.time(*fields[:4]).replace(fold=fields[4], tzinfo=_zone(offset)),
    "td": datetime.timedelta,
    "tz": _zone,
    "de": decimal.Decimal,
    "fr": lambda numerator, denominator: fractions.Fraction(int(numerator, 16), int(denominator, 16)),
}


def name_of(value: object) -> list[str] | None:
    """`[module, name]` of something of the standard library that both boxes have by that name."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    owner = getattr(value, "__objclass__", None)
    if owner is not None:
        module = owner.__module__
    if type(module) is not str or type(name) is not str or module.partition(".")[0] not in sys.stdlib_module_names:
        return None
    try:
        same = by_name(module, name) is value
    except (KeyError, AttributeError):
        return None
    return [module, name] if same else None


def by_name(module: str, name: str) -> Any:
    """What has this name in a loaded module."""
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part)
    return found
