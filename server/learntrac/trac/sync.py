"""Keeping the catalog up to date with Trac, within two seconds of a change and without load on Trac.

Three ways, from cheap to thorough, and none of them while the database says that nobody wrote to it:

- follow: tickets written at since the last look, by Trac's own indexes; its cost does not depend on how many
  there are.
- count: one number tells whether tickets were deleted.
- sweep: a checksum for each hundred tickets finds what left no trace (plain SQL, renamed components), and one for
  each ticket of those that differ tells which it was.

Count and sweep cost more the more tickets there are, so each takes a rest of ten times what it took.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from learntrac.kit.clock import Clock, to_micros
from learntrac.kit.db import Database
from learntrac.kit.errors import Unavailable
from learntrac.kit.leases import Lease
from learntrac.kit.logs import get_logger
from learntrac.trac import catalog
from learntrac.trac.checksums import BLOCK
from learntrac.trac.mapping import Concept, TicketRow, to_concept, written_prerequisites
from learntrac.trac.mapping import Mapping as FieldMapping
from learntrac.trac.prerequisites import PrerequisiteGraph
from learntrac.trac.source import TracSource

CHUNK = 500
OVERLAP_MICROSECONDS = 60_000_000
"""A transaction may commit long after the time it wrote down; so far back is looked each time."""
COUNT_EVERY_SECONDS = 0.9
SWEEP_EVERY_SECONDS = 0.9
TELL_EVERY_SECONDS = 4
"""How often to write down that the catalog is in step, for the processes that do not keep it."""

ADDED_HERE = "learntrac"
"""The source of a prerequisite that was added in LearnTrac."""
RESTS_FOR = 10

Key = TypeVar("Key", bound=Hashable)

_log = get_logger("learntrac.sync")
Progress = Callable[[int, int], None]
AddedPrerequisites = Mapping[int, tuple[int, ...]]
"""{concept: prerequisites} of LearnTrac's own relationships."""


async def _nothing_added() -> AddedPrerequisites:
    return {}


async def _tell_nobody(_session: AsyncSession) -> None:
    """Nothing else depends on the catalog."""


class Sync:
    """The one writer of the catalog. `step()` brings it up to date; `run()` does so for ever.

    `mapping` is asked before every step, so that an edit of the mapping takes effect at once. With a `lease`, `run()`
    writes only while this process holds it, and else reads what the one who does wrote down. `on_change` is called in
    every transaction that changes the catalog. `synced_at` (monotonic seconds; 0: not yet) is when the catalog was last
    in step, whoever kept it.
    """

    def __init__(
        self,
        source: TracSource,
        database: Database,
        *,
        mapping: Callable[[], FieldMapping],
        clock: Clock,
        added: Callable[[], Awaitable[AddedPrerequisites]] = _nothing_added,
        on_change: Callable[[AsyncSession], Awaitable[None]] = _tell_nobody,
        lease: Lease | None = None,
    ) -> None:
        self._source, self._database, self._clock, self._lease = source, database, clock, lease
        self._mapping_of, self._mapping = mapping, mapping()
        self._graph = PrerequisiteGraph()
        self._times: dict[int, int] = {}
        self._prints: dict[int, str] = {}
        self._blocks: dict[tuple[str, int], int] = {}
        self._hashes: dict[int, dict[int, int]] = {}
        self._pages: dict[str, tuple[int, int]] | None = None
        self._link_tables: set[str] = set()
        self._read_added, self._on_change = added, on_change
        self._added: AddedPrerequisites = {}
        self._owed: set[int] = set()
        self._since = self._newest = 0
        self._mark: object = None
        self._loaded = self._sweep_owed = self._count_owed = False
        self._next_count = self._next_sweep = self._next_tell = 0.0
        self.last_error: str | None = None
        self.synced_at = 0.0

    @property
    def concepts(self) -> int:
        """How many tickets the catalog follows, as far as they are known."""
        return len(self._times)

    async def run(self, *, interval_seconds: float) -> None:
        """Keep up with Trac until cancelled. Trouble is remembered in `last_error` and tried again."""
        while True:
            await self.try_step()
            await asyncio.sleep(interval_seconds if self.last_error is None else max(1.0, interval_seconds))

    async def first(self, progress: Progress | None = None) -> None:
        """Return once there is a catalog: read everything, or wait until whoever has the lease has done so."""
        while not self.synced_at and not await self._synced_before():
            if await self._is_ours():
                await self.step(progress)
                await self.tell()
            else:
                await asyncio.sleep(0.1)

    async def try_step(self) -> None:
        """One step; what goes wrong is logged once and kept in `last_error`, in words that anybody may read."""
        try:
            await self._step_or_look_on()
        except Exception as error:  # noqa: BLE001 - the loop outlives whatever Trac's database does
            self._note(error)
        else:
            if self.last_error is not None:
                _log.info("Trac is read again")
            self.last_error = None

    async def _step_or_look_on(self) -> None:
        if not await self._is_ours():
            # What is remembered of the catalog grows old while somebody else writes it.
            self._loaded = False
            self.synced_at = await self._synced_before()
            return
        await self.step()
        self.synced_at = time.monotonic()
        if self.synced_at >= self._next_tell:
            await self.tell()

    async def _is_ours(self) -> bool:
        return self._lease is None or await self._lease.holds()

    async def tell(self) -> None:
        """Write down that the catalog is in step with Trac now."""
        async with self._database.begin() as session:
            await catalog.tell_synced(session, now=self._clock())
        self.synced_at = time.monotonic()
        self._next_tell = self.synced_at + TELL_EVERY_SECONDS

    async def _synced_before(self) -> float:
        """When somebody last wrote down that the catalog is in step, as `synced_at` counts."""
        async with self._database.read() as session:
            told = await catalog.last_synced(session)
        return time.monotonic() - max(0.0, (self._clock() - told).total_seconds()) if told else 0.0

    def _note(self, error: Exception) -> None:
        expected = isinstance(error, Unavailable)
        message = str(error) if expected else "Trac cannot be followed: the log says why."
        if message != self.last_error:
            _log.warning("the catalog stays as it is", error=message, exc_info=None if expected else error)
        self.last_error, self._mark = message, None

    async def step(self, progress: Progress | None = None) -> None:
        """Bring the catalog up to date. The first step, and the first after a change of the mapping, reads
        everything.
        """
        mapping = self._mapping_of()
        if not self._loaded or mapping != self._mapping:
            self._mapping = mapping
            await self._load(progress)
            return
        await self._follow_added()
        mark = await self._source.change_mark()
        if mark != self._mark:
            self._count_owed = self._sweep_owed = True
            if await self._find_links() != self._link_tables:
                await self._load(progress)
                return
            await self._follow()
        await self._count_and_sweep()
        # Taken before anything was read: what is written meanwhile makes the next step look again.
        self._mark = mark

    async def _follow_added(self) -> None:
        """Prerequisites that were added in LearnTrac and not in Trac: Trac's marks do not tell of them."""
        added = await self._read_added()
        if added == self._added:
            return
        changed = {key for key in added.keys() | self._added.keys() if added.get(key) != self._added.get(key)}
        self._added = added
        await self._refresh([number for number in sorted(changed) if number in self._times])

    async def _follow(self) -> None:
        last = await self._source.last_change()
        seen = await self._source.changed_since(self._since - OVERLAP_MICROSECONDS, after=self._newest)
        changed = [number for number, changetime in seen.items() if self._times.get(number) != changetime]
        await self._refresh(sorted(self._owed.union(changed)))
        self._since = max(self._since, self._up_to_now(last))

    def _up_to_now(self, moment: int) -> int:
        """A ticket dated in the future must not make us look for later changes only."""
        return min(moment, to_micros(self._clock()))

    async def _count_and_sweep(self) -> None:
        if self._count_owed and time.monotonic() >= self._next_count:
            self._count_owed = False
            self._next_count = await _rested(self._count(), COUNT_EVERY_SECONDS)
        if self._sweep_owed and time.monotonic() >= self._next_sweep:
            self._sweep_owed = False
            self._next_sweep = await _rested(self._sweep(), SWEEP_EVERY_SECONDS)

    async def _count(self) -> None:
        if await self._source.count_tickets() != len(self._times):
            await self._reconcile_numbers()

    async def _reconcile_numbers(self) -> None:
        there = await self._source.all_tickets()
        await self._refresh([number for number, changed in there.items() if self._times.get(number) != changed])
        await self._remove(self._times.keys() - there.keys())

    async def _sweep(self) -> None:
        await self._sweep_pages()
        blocks = await self._source.fingerprints(self._link_tables)
        differing = {block for _, block in _differing(blocks, self._blocks)}
        if differing:
            await self._refresh_differing(differing)
        # Last, so that what could not be written is seen to differ again.
        self._blocks = blocks

    async def _refresh_differing(self, blocks: set[int]) -> None:
        found = await self._source.ticket_fingerprints(self._link_tables, blocks)
        known = {number: value for block in blocks for number, value in self._hashes.get(block, {}).items()}
        await self._refresh(sorted(_differing(found, known)))
        self._hashes |= {block: {} for block in blocks} | _in_blocks(found)

    async def _sweep_pages(self) -> None:
        versions = await self._source.page_versions()
        if versions == self._pages:
            return
        known = self._pages or {}
        changed = {name for name, version in versions.items() if known.get(name) != version}
        pages = [page for page in await self._source.pages() if page[0] in changed]
        async with self._database.begin() as session:
            stored = await catalog.known_pages(session)
            await catalog.put_pages(session, pages, stored.keys() - versions.keys())
            await self._mark_changed(session)
        self._pages = versions

    async def _load(self, progress: Progress | None) -> None:
        """Read everything, and write what differs from what the catalog holds."""
        self._loaded = False
        self._mark = await self._source.change_mark()
        self._since = self._up_to_now(await self._source.last_change())
        self._link_tables, self._added = await self._find_links(), await self._read_added()
        there = await self._source.all_tickets()
        self._graph.load(await self._all_edges(there))
        async with self._database.read() as session:
            self._prints = await catalog.known_fingerprints(session)
        self._times, self._newest, self._pages = {}, 0, None
        # Before the rows: a row written after its block was taken is then seen to differ.
        self._blocks = await self._source.fingerprints(self._link_tables)
        self._hashes = _in_blocks(await self._source.ticket_fingerprints(self._link_tables))
        await self._refresh(list(there), progress)
        await self._remove(self._prints.keys() - there.keys())
        await self._sweep_pages()
        self._loaded = True

    async def _find_links(self) -> set[str]:
        wanted = {"mastertickets": self._mapping.mastertickets, "subtickets": self._mapping.subtickets}
        return await self._source.link_tables([name for name, is_wanted in wanted.items() if is_wanted])

    async def _all_edges(self, there: Iterable[int]) -> dict[int, dict[int, str]]:
        edges: dict[int, dict[int, str]] = {number: {} for number in there}
        for number, custom in (await self._source.custom_of(self._mapping.prerequisites)).items():
            if number in edges:
                edges[number] = written_prerequisites(custom, self._mapping)[0]
        for table in sorted(self._link_tables):
            for prerequisite, concept in await self._source.links(table):
                if concept in edges:
                    edges[concept].setdefault(prerequisite, table)
        for concept, prerequisites in self._added.items():
            if concept in edges:
                edges[concept] = _with_added(edges[concept], prerequisites)
        return edges

    async def _refresh(self, numbers: Sequence[int], progress: Progress | None = None) -> None:
        """Read these tickets anew and write the concepts that came out different, with those whose edges they
        affect.
        """
        for begin in range(0, len(numbers), CHUNK):
            await self._refresh_chunk(numbers[begin : begin + CHUNK])
            if progress is not None:
                progress(min(begin + CHUNK, len(numbers)), len(numbers))

    async def _refresh_chunk(self, numbers: Sequence[int]) -> None:
        rows = await self._source.tickets(numbers)
        edges = {row.id: written_prerequisites(row.custom, self._mapping) for row in rows}
        for table in sorted(self._link_tables):
            for prerequisite, concept in await self._source.links(table, numbers):
                if concept in edges:
                    edges[concept][0].setdefault(prerequisite, table)
        for concept, (written, _) in edges.items():
            written.update(_with_added(written, self._added.get(concept, ())))
        # Kept until it is written: the graph tells of a change only once.
        self._owed |= self._graph.put({number: written for number, (written, _) in edges.items()})
        beyond = await self._source.tickets(sorted(self._owed - edges.keys()))
        edges |= {row.id: written_prerequisites(row.custom, self._mapping) for row in beyond}
        await self._write([*rows, *beyond], {number: unread for number, (_, unread) in edges.items()})
        self._owed.clear()
        self._times |= {row.id: row.changetime or 0 for row in rows}
        self._newest = max(self._newest, max((row.id for row in rows), default=0))
        await self._remove(set(numbers) - {row.id for row in rows})

    async def _write(self, rows: Sequence[TicketRow], unread: Mapping[int, list[str]]) -> None:
        concepts: list[Concept] = []
        prints: dict[int, str] = {}
        for row in rows:
            concept = to_concept(row, self._mapping)
            concept = _with_problems(concept, unread[row.id])
            prints[row.id] = _fingerprint(concept, self._graph.edges(row.id))
            if self._prints.get(row.id) != prints[row.id]:
                concepts.append(concept)
        if concepts:
            edges = {concept.id: self._graph.edges(concept.id) for concept in concepts}
            async with self._database.begin() as session:
                await catalog.put_concepts(session, concepts, edges, prints)
                await self._mark_changed(session, edges)
            self._prints |= prints

    async def _mark_changed(self, session: AsyncSession, concepts: Iterable[int] = ()) -> None:
        await catalog.mark(session, now=self._clock(), changed=concepts)
        await self._on_change(session)

    async def _remove(self, numbers: Iterable[int]) -> None:
        gone = set(numbers)
        if not gone:
            return
        self._owed |= self._graph.remove(gone)
        async with self._database.begin() as session:
            for begin in range(0, len(gone), CHUNK):
                await catalog.remove_concepts(session, sorted(gone)[begin : begin + CHUNK])
            await self._mark_changed(session, gone)
        for number in gone:
            self._times.pop(number, None)
            self._prints.pop(number, None)
        if self._newest in gone:
            self._newest = max(self._times, default=0)
        await self._refresh(sorted(self._owed))


def _with_added(written: Mapping[int, str], prerequisites: Iterable[int]) -> dict[int, str]:
    """What a ticket writes, and LearnTrac's own beside it; where both say so, the ticket does."""
    return dict.fromkeys(prerequisites, ADDED_HERE) | dict(written)


async def _rested(work: Awaitable[None], at_least_seconds: float) -> float:
    """Do it; returns when it may be done again."""
    begun = time.monotonic()
    await work
    ended = time.monotonic()
    return ended + max(at_least_seconds, RESTS_FOR * (ended - begun))


def _differing(found: Mapping[Key, int], known: Mapping[Key, int]) -> set[Key]:
    return {key for key in found.keys() | known.keys() if found.get(key) != known.get(key)}


def _in_blocks(hashes: Mapping[int, int]) -> dict[int, dict[int, int]]:
    found: dict[int, dict[int, int]] = {}
    for number, value in hashes.items():
        found.setdefault(number // BLOCK, {})[number] = value
    return found


def _with_problems(concept: Concept, unread: Sequence[str]) -> Concept:
    return replace(concept, problems=(*concept.problems, *unread)) if unread else concept


def _fingerprint(concept: Concept, edges: Sequence[catalog.Edge]) -> str:
    row = catalog.row_of(concept, edges, "")
    return hashlib.blake2b(orjson.dumps([row, edges]), digest_size=16).hexdigest()


async def stop(task: "asyncio.Task[None]") -> None:
    """End a running sync and wait until it has let go."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
