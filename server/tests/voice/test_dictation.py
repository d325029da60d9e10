"""Spoken code becomes code."""

import ast
import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learntrac.voice.dictation import LONGEST_SPOKEN, code_of
from learntrac.voice.signs import KEYWORDS, NUMBERS, SIGNS

PYTHON = {
    "def add open paren a comma b close paren colon new line return a plus b": "def add(a, b):\n    return a + b",
    "total count equals zero": "total_count = 0",
    "x equals minus one": "x = -1",
    "x equals a minus negative b": "x = a - -b",
    "return minus x": "return -x",
    "y equals x star star two plus one": "y = x ** 2 + 1",
    "y equals x to the power of two": "y = x ** 2",
    "z equals a divided by b modulo c": "z = a / b % c",
    "z equals a double slash b": "z = a // b",
    "count plus equals one": "count += 1",
    "if x less than or equal to zero colon": "if x <= 0:",
    "if x greater than y and not done colon": "if x > y and not done:",
    "while left not equal right colon": "while left != right:",
    "assert item one is equal to item two": "assert item1 == item2",
    "return x is not none": "return x is not None",
    "flag equals true or false": "flag = True or False",
    "print open paren quote hello world unquote close paren": 'print("hello world")',
    "print open paren single quote done end quote close paren": "print('done')",
    "print open paren f quote hello open brace name close brace unquote close paren": 'print(f"hello {name}")',
    "print open paren x comma end equals quote unquote close paren": 'print(x, end="")',
    "name equals quote unquote": 'name = ""',
    "items equals open bracket one comma two comma three close bracket": "items = [1, 2, 3]",
    "items equals empty list": "items = []",
    "first equals items open bracket zero close bracket": "first = items[0]",
    "part equals items open bracket one colon minus one close bracket": "part = items[1:-1]",
    "ages equals open brace quote ann unquote colon forty two close brace": 'ages = {"ann": 42}',
    "ages open bracket quote bob unquote close bracket equals seven": 'ages["bob"] = 7',
    "squares equals open bracket x star x for x in range open paren ten close paren close bracket":
        "squares = [x * x for x in range(10)]",
    "self dot name equals name": "self.name = name",
    "self dot underscore cache equals none": "self._cache = None",
    "user dot get open paren key close paren dot strip empty parens": "user.get(key).strip()",
    "from dot import models": "from . import models",
    "from os dot path import join as path join": "from os.path import join as path_join",
    "import json": "import json",
    "class pascal user account colon": "class UserAccount:",
    "class pascal admin user open paren cap user close paren colon": "class AdminUser(User):",
    "constant max size equals one thousand twenty four": "MAX_SIZE = 1024",
    "camel total count equals zero": "totalCount = 0",
    "snake total count in kebab my list": "total_count in my-list",
    "def dunder init open paren self close paren colon": "def __init__(self):",
    "def underscore helper open paren close paren colon": "def _helper():",
    "my underscore name underscore equals one": "my_name_ = 1",
    "for underscore in range open paren three close paren colon new line pass": "for _ in range(3):\n    pass",
    "def f open paren star args comma double star options close paren colon": "def f(*args, **options):",
    "f open paren star values comma key equals one close paren": "f(*values, key=1)",
    "def f open paren a colon int equals three comma b equals none close paren arrow str colon":
        "def f(a: int = 3, b=None) -> str:",
    "square equals lambda x colon x times x": "square = lambda x: x * x",
    "decorator property": "@property",
    "at sign app dot get": "@app.get",
    "hash this is not code plus one": "# this is not code plus one",
    "x equals one comment why": "x = 1 # why",
    "word plus equals word new": "plus = new",
    "pi equals three point one four": "pi = 3.14",
    "big equals two million three hundred thousand five": "big = 2300005",
    "year equals nineteen hundred eighty four": "year = 1984",
    "code equals four zero four": "code = 404",
    "x equals 3.5 plus 12": "x = 3.5 + 12",
    "raise pascal value error open paren quote too small unquote close paren": 'raise ValueError("too small")',
    "a sync def main open paren close paren colon new line await run empty parens":
        "async def main():\n    await run()",
    "return open paren a comma b close paren": "return (a, b)",
    "if open paren n walrus len open paren a close paren close paren greater than ten colon":
        "if (n := len(a)) > 10:",
    "mask equals tilde a ampersand b pipe c caret d": "mask = ~a & b | c ^ d",
    "x equals one shift left n": "x = 1 << n",
    "if x colon new line a equals one new line else if y colon new line a equals two new line else colon new line pass":
        "if x:\n    a = 1\nelif y:\n    a = 2\nelse:\n    pass",
    "if x colon new line return one new line return two": "if x:\n    return 1\nreturn 2",
    "for x in a colon new line use open paren x close paren new line dedent stop empty parens":
        "for x in a:\n    use(x)\nstop()",
    "for x in a colon new line for y in b colon new line f empty parens new line out dent out dent g empty parens":
        "for x in a:\n    for y in b:\n        f()\ng()",
    "try colon newline go empty parens next line except pascal key error as error colon new line pass":
        "try:\n    go()\nexcept KeyError as error:\n    pass",
    "x equals one new line new line y equals two": "x = 1\n\ny = 2",
    "what the client's told": "what_the_client's_told",
    "yield ellipsis": "yield ...",
    "Def Add, open paren A. comma B close paren: colon": "def add(a, b):",
}  # fmt: skip
BRACES = {
    "const total count equals zero semicolon": "const totalCount = 0;",
    "function add open paren a comma b close paren open brace new line return a plus b semicolon new line close brace":
        "function add(a, b) {\n    return a + b;\n}",
    "const add equals open paren a comma b close paren fat arrow a plus b semicolon": "const add = (a, b) => a + b;",
    "if open paren x triple equals null double ampersand bang done close paren open brace":
        "if (x === null && !done) {",
    "i plus plus semicolon": "i++;",
    "user question dot name double pipe quote nobody unquote": 'user?.name || "nobody"',
    "return new pascal user account open paren spread values close paren": "return new UserAccount(...values)",
    "x equals done question mark true colon false": "x = done ? true : false",
    "comment not yet": "// not yet",
}  # fmt: skip


@pytest.mark.parametrize(("spoken", "code"), PYTHON.items())
def test_python_is_written(spoken: str, code: str) -> None:
    assert code_of(spoken) == code


@pytest.mark.parametrize(("spoken", "code"), BRACES.items())
def test_languages_with_braces_are_written(spoken: str, code: str) -> None:
    assert code_of(spoken, language="javascript") == code


def test_the_set_is_as_large_as_the_guide_says() -> None:
    assert len(PYTHON) + len(BRACES) == 81


@pytest.mark.parametrize(
    ("after", "line"),
    [
        ("", "x = 1"),
        ("def f():", "    x = 1"),
        ("def f():\n    y = 2", "    x = 1"),
        ("def f():\n    return 2", "x = 1"),
        ("values = [", "    x = 1"),
    ],
)
def test_a_line_stands_where_the_one_above_leaves_it(after: str, line: str) -> None:
    assert code_of("x equals one", after=after) == line


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(sorted({w for s in SIGNS for w in s} | set(NUMBERS)))).map(" ".join)
)
def test_anything_that_is_said_becomes_something(spoken: str) -> None:
    assert isinstance(code_of(spoken), str)
    assert isinstance(code_of(spoken, language="javascript"), str)


def test_endless_speech_is_cut() -> None:
    assert len(code_of("plus " * LONGEST_SPOKEN)) < LONGEST_SPOKEN


_TAKEN = {word for sign in SIGNS for word in sign} | set(NUMBERS) | KEYWORDS["python"]
_NAMES = st.sampled_from([name for name in ("alpha", "beta", "gamma", "kappa", "delta") if name not in _TAKEN])
_NUMBERS = st.integers(0, 999_999).map(str)
_OPERATORS = {
    "+": "plus",
    "-": "minus",
    "*": "times",
    "/": "divided by",
    "//": "double slash",
    "%": "modulo",
    "<<": "shift left",
}


def _called(function: str, arguments: list[tuple[str, str]]) -> tuple[str, str]:
    spoken = " comma ".join(said for said, _ in arguments)
    code = ", ".join(written for _, written in arguments)
    return f"{function} open paren {spoken} close paren", f"{function}({code})"


def _operated(left: tuple[str, str], operator: str, right: tuple[str, str]) -> tuple[str, str]:
    spoken = f"open paren {left[0]} {_OPERATORS[operator]} {right[0]} close paren"
    return spoken, f"({left[1]} {operator} {right[1]})"


_EXPRESSIONS = st.recursive(
    (_NAMES | _NUMBERS).map(lambda word: (word, word)),
    lambda inner: st.one_of(
        st.builds(_operated, inner, st.sampled_from(sorted(_OPERATORS)), inner),
        st.builds(_called, _NAMES, st.lists(inner, max_size=3)),
        inner.map(lambda one: (f"open bracket {one[0]} close bracket", f"[{one[1]}]")),
        inner.map(lambda one: (f"minus open paren {one[0]} close paren", f"-({one[1]})")),
    ),
    max_leaves=8,
)


@given(_EXPRESSIONS)
def test_every_expression_can_be_dictated(expression: tuple[str, str]) -> None:
    spoken, code = expression

    assert code_of(f"return {spoken}") == f"return {code}"
    assert ast.dump(ast.parse(code_of(spoken).strip() or "0")) == ast.dump(ast.parse(code))
    assert not keyword.iskeyword(code)
