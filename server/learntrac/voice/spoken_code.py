"""What people say when they dictate code, for the engine that hears them and expects plain talk. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from learntrac.backends.speech import Context
from learntrac.backends.speech.vocabulary import sentences_of
from learntrac.voice.signs import KEYWORDS, SIGNS

MOST_NAMES = 60
"""Of a course's own words, as names in what is dictated."""
MOST_PHRASES = 10
ROUNDS = 6
"""How often each line is said, with other names each time."""
_USUAL = """
a b c i j k n x y z add args count data end error first i id index item items key last left length line list max min
name node number other part path result right self size start sum text total type user value values word
"""
_LINES = """
def {0} open paren {1} comma {2} close paren colon
def {0} open paren self close paren colon
def {0} open paren {1} close paren colon
class {0} colon
if {0} less than {1} colon
if {0} greater than {1} colon
if {0} is equal to {1} colon
if not {0} colon
if {0} is none colon
else colon
else if {0} colon
for {0} in {1} colon
for {0} in range open paren {1} close paren colon
while {0} less than {1} colon
while true colon
return {0}
return {0} plus {1}
return {0} minus {1}
return {0} times {1}
return none
return true
{0} equals {1}
{0} equals {1} plus {2}
{0} equals open bracket close bracket
{0} equals quote {1} unquote
{0} equals {1} open bracket {2} close bracket
{0} plus equals {1}
{0} dot {1} equals {2}
{0} dot {1} open paren {2} close paren
self dot {0} equals {0}
{0} open paren {1} close paren
{0} open paren {1} comma {2} close paren
print open paren {0} close paren
import {0}
from {0} import {1}
try colon
except {0} colon
with {0} as {1} colon
raise {0}
assert {0} double equals {1}
new line
new line return {0}
close paren colon new line return {0}
""".strip().splitlines()
_NUMBERS = ("zero", "one", "two", "three", "ten", "minus one", "one hundred")


def context_of(context: Context, language: str | None) -> Context:
    """The context of a talk while code in this language is dictated; with None, what it is anyway."""
    if language is None:
        return context
    words = {word: None for sentence in sentences_of(context.phrases[:MOST_PHRASES]) for word in sentence}
    return replace(context, phrases=tuple(spoken_code(tuple(words), language)))


def spoken_code(words: tuple[str, ...] = (), language: str = "python") -> Iterator[str]:
    """Lines of code as they are spoken, with these words of the course and the usual ones as names."""
    names = [*_USUAL.split(), *words[:MOST_NAMES], *_NUMBERS]
    for round_ in range(ROUNDS):
        for number, line in enumerate(_LINES, round_ * 5):
            yield line.format(*(names[(number * step) % len(names)] for step in (1, 3, 7)))
    for sign in SIGNS:
        yield f"x {' '.join(sign)} y"
    for keyword in sorted(KEYWORDS["python" if language == "python" else "braces"]):
        yield f"{keyword} x"
