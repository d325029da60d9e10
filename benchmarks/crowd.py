"""Many learners signed in at a seeded Trac, and several servers over it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks import servers
from benchmarks.places import Place
from benchmarks.rounds import Turn
from benchmarks.seeding import put_sign_ins
from benchmarks.servers import Server, database_cpu_seconds
from benchmarks.visitors import Visited
from learntrac.seeding.learning import user_id_of
from learntrac.seeding.order import INSTRUCTOR

SIGNED_IN = 300


@dataclass(frozen=True)
class Crowd:
    """Learners' (name, token), and an instructor's token."""

    learners: list[tuple[str, str]]
    instructor: str


def gather_crowd(place: Place, learners: int) -> Crowd:
    """Up to three hundred learners, spread over all there are, and the instructor."""
    step = max(1, learners // SIGNED_IN)
    names = [user_id_of(number) for number in range(1, learners + 1, step)][:SIGNED_IN]
    with place.learntrac_tables() as tables:
        *tokens, instructor = put_sign_ins(tables, key_of(place), [*names, INSTRUCTOR])
    return Crowd(list(zip(names, tokens, strict=True)), instructor)


def key_of(place: Place) -> bytes:
    """What signs this Trac's tokens."""
    return (place.folder / "db" / "learntrac.key").read_bytes().strip()


@contextmanager
def many(place: Place, count: int, **environ: str) -> Iterator[list[Server]]:
    """So many server processes over one Trac."""
    with ExitStack() as stack:
        running = [stack.enter_context(servers.learntrac(place, **environ)) for _ in range(count)]
        place.wait_until_indexed()
        wait_until_idle(running)
        yield running


def wait_until_idle(running: Sequence[Server]) -> None:
    """Until none of the servers has much to do: a new one first reads all of Trac, beside what it is asked."""
    while True:
        before = _cpu(running)
        time.sleep(0.5)
        if _cpu(running) - before < 0.1 * len(running):
            return


def take_turn(running: Sequence[Server], run: Callable[[], Visited]) -> Turn:
    """Let the visitors come, and see what processor time an answer took, over all these servers."""
    before, database_before = _cpu(running), database_cpu_seconds()
    load = run()
    each = 1000 / load.answers
    return Turn(
        load,
        (_cpu(running) - before) * each,
        (database_cpu_seconds() - database_before) * each,
    )


def _cpu(running: Sequence[Server]) -> float:
    return sum(server.cpu_seconds() for server in running)
