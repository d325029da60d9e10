"""How signs, keywords and numbers of code are spoken. Pure."""

from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal[
    "name", "keyword", "number", "text", "open", "close", "comma", "colon", "dot", "between", "tight", "prefix"
]


class Sign(NamedTuple):
    """A sign as it is written, and how it sits between its neighbours."""

    text: str
    kind: Kind


def _brackets() -> dict[str, Sign]:
    names = {
        **dict.fromkeys(("paren", "parenthesis", "parentheses"), "()"),
        **dict.fromkeys(("bracket", "square bracket"), "[]"),
        **dict.fromkeys(("brace", "curly", "curly brace"), "{}"),
    }
    opening = {f"{side} {name}": Sign(pair[0], "open") for name, pair in names.items() for side in ("open", "left")}
    closing = {f"{side} {name}": Sign(pair[1], "close") for name, pair in names.items() for side in ("close", "right")}
    return opening | closing


_BETWEEN = {
    "equals": "=", "equal": "=", "assign": "=", "walrus": ":=",
    "double equals": "==", "equals equals": "==", "is equal to": "==", "triple equals": "===",
    "not equals": "!=", "not equal": "!=", "is not equal to": "!=", "bang equals": "!=",
    "less than": "<", "greater than": ">",
    "less than or equal": "<=", "less than or equal to": "<=", "less or equal": "<=",
    "greater than or equal": ">=", "greater than or equal to": ">=", "greater or equal": ">=",
    "plus": "+", "minus": "-", "negative": "-", "times": "*", "star": "*", "double star": "**", "star star": "**",
    "power": "**", "to the power of": "**", "divided by": "/", "slash": "/", "double slash": "//",
    "modulo": "%", "mod": "%", "percent": "%",
    "plus equals": "+=", "minus equals": "-=", "times equals": "*=", "divided by equals": "/=", "slash equals": "/=",
    "ampersand": "&", "double ampersand": "&&", "pipe": "|", "double pipe": "||", "caret": "^",
    "shift left": "<<", "shift right": ">>", "question mark": "?",
    "arrow": "->", "thin arrow": "->", "fat arrow": "=>",
}  # fmt: skip
_OTHERS = {
    "comma": Sign(",", "comma"), "semicolon": Sign(";", "comma"), "colon": Sign(":", "colon"),
    "dot": Sign(".", "dot"), "question dot": Sign("?.", "dot"), "double colon": Sign("::", "dot"),
    "empty parens": Sign("()", "close"), "empty list": Sign("[]", "text"), "empty dict": Sign("{}", "text"),
    "plus plus": Sign("++", "close"), "minus minus": Sign("--", "close"),
    "bang": Sign("!", "prefix"), "tilde": Sign("~", "prefix"), "dollar": Sign("$", "prefix"),
    "at sign": Sign("@", "prefix"), "decorator": Sign("@", "prefix"),
    "ellipsis": Sign("...", "text"), "spread": Sign("...", "prefix"),
}  # fmt: skip
SIGNS: dict[tuple[str, ...], Sign] = {
    tuple(spoken.split()): sign
    for spoken, sign in {
        **_brackets(),
        **_OTHERS,
        **{spoken: Sign(text, "between") for spoken, text in _BETWEEN.items()},
    }.items()
}
LONGEST_SIGN_WORDS = max(map(len, SIGNS))
NOT_PYTHON = frozenset({("plus", "plus"), ("minus", "minus")})
"""Two signs there: `a - -b`."""
UNARY = frozenset({"+", "-", "*", "**", "&"})
"""Between two operands an operator, before one a prefix."""

_PYTHON = (
    "and as assert async await break class continue def del elif else except finally for from global if import in is "
    "lambda match nonlocal not or pass raise return try while with yield true false none"
)
_BRACES = (
    "async await break case catch class const continue default delete do else enum export extends false finally for "
    "from func function if implements import in instanceof interface let new null of package private public return "
    "static super switch this throw true try type typeof undefined var void while yield"
)
KEYWORDS = {"python": frozenset(_PYTHON.split()), "braces": frozenset(_BRACES.split())}
VALUES = {"true": "True", "false": "False", "none": "None"}
"""Python's own way of writing what others write in small letters."""
TWO_WORD_KEYWORDS = {("else", "if"): "elif", ("a", "sync"): "async"}
GOES_BACK = frozenset({"elif", "else", "except", "finally"})
ENDS_BLOCK = frozenset({"break", "continue", "pass", "raise", "return"})

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NUMBERS = {
    **{word: value for value, word in enumerate(_ONES.split())},
    **{word: 20 + 10 * at for at, word in enumerate(_TENS.split())},
    "hundred": 100,
    "thousand": 1000,
    "million": 1_000_000,
}
