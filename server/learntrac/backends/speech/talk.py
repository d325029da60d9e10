"""How learners talk to a tutor, in our own words: what a course's own text lacks for a language model. Pure."""

from collections.abc import Iterator

_OPENINGS = """
can you explain
can you please explain
please explain
could you explain
explain to me
what is
what are
what is a
what is an
what is the
what does it mean to
what does this mean
what is the difference between
what happens when
what happens if
why do we need
why is
why does
why do i
why should i
how do i
how do you
how can i
how does
how do i write
how do i use
how do i check
how do i test
when should i use
when do i use
where do i
which one
should i use
is it true that
is there
does it
do i need
can i use
can i
tell me about
tell me more about
show me
show me an example of
give me an example of
give me a hint
i want to learn about
i want to know
i would like to
i do not understand
i don't understand
i don't know how to
i am stuck on
i am confused about
i think that
i think it is
let's talk about
let us go on with
in other words
so the
because the
and then the
but what about
what about
for example
""".strip().splitlines()

_WHOLE = """
yes
no
okay
thank you
thanks
i don't know
i do not know
i don't understand
give me a hint
give me another hint
can you give me a hint
please repeat that
can you repeat that
can you say that again
say that again please
go on
stop
wait
next question
show me an example
can you show me an example
how does it work
how do i do that
why is that
what does that mean
what should i do next
what comes next
is that right
i am not sure
i have a question
that is not clear to me
""".strip().splitlines()

_CODE = """
open paren close paren
open bracket close bracket
open brace close brace
colon new line
comma
dot
equals
plus
minus
return
def
for in range
if else
import
quote unquote
underscore
indent
dedent
""".strip().splitlines()


def talk_about() -> Iterator[list[str]]:
    """Sentences as words; openings go on with whatever the course has."""
    for sentence in (*_OPENINGS, *_WHOLE, *_CODE):
        yield sentence.split()
