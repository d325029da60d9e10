"""Finding what the course says: the passages that fit a question best, of those that the learner may read."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from learntrac.chat import queries
from learntrac.chat.findings import Findings, Found
from learntrac.chat.meaning import Meant, add_shares, cosine, fit, fuse, unpacked
from learntrac.chat.ranking import CANDIDATES, Totals, coverage, score, stem, terms, to_look_up, weigh
from learntrac.chat.spelling import LAST_LETTER, SAME_START, may_be_misspelt, nearest_word
from learntrac.concepts.viewing import Viewer
from learntrac.kit.readers import WideReader
from learntrac.trac.words import search_terms

SHOWN = 12
HERE = 1.35
"""How much more a passage of the concept that is talked about counts: most questions are about it."""
CONCEPTS_AT_MOST = 10
MOST_WEIGHED = 400
MOST_MISSPELT = 4
"""Unknown words of a question that are looked for among those spelt nearly so: more are another language, or code."""
_AS_CODE = re.compile(r"`([^`\n]{1,80})`")
_CAPITALS = re.compile(r"\b[A-Z]{2,}\b")


@dataclass(frozen=True)
class Reader:
    """Who asks: what they may read is all that is ever found."""

    viewer: Viewer
    may_read_page: Callable[[str], bool]

    def may_read(self, source: str, key: str, concept_id: int | None) -> bool:
        """Whether a passage of this source is for them."""
        if source == "page":
            return self.may_read_page(key)
        return concept_id is not None and self.viewer.visibility.allows(concept_id)


class _Candidate(NamedTuple):
    id: int
    source: str
    key: str
    concept_id: int | None
    words: str
    length: int
    score: float = 0.0


async def search(
    reader: WideReader,
    question: str,
    *,
    who: Reader,
    here: int | None = None,
    is_sqlite: bool,
    shown: int = SHOWN,
    meant: Meant | None = None,
) -> Findings:
    """The passages that fit the question best. `here` is the concept that is talked about: its own passages and pages
    are candidates in any case, and count for more. `meant` is what the question means, where that is known: then both
    rankings count.
    """
    wanted = terms(search_terms(question), keep=search_terms(" ".join(_named(question))))
    candidates = await _near(reader, here) if here is not None else {}
    weights: dict[str, float] = {}
    asked: dict[str, float] = {}
    totals = Totals(0, 0)
    if wanted:
        totals = Totals(*(await reader.rows(queries.TOTALS))[0])
        holding = await _holding(reader, wanted)
        wanted, holding = await _spelt(reader, wanted, holding)
        weights = weigh(wanted, holding, totals)
        if weights:
            asked = weigh(wanted, dict.fromkeys(wanted, 0.5) | holding, totals)
            candidates = await _matching(reader, weights, holding, is_sqlite=is_sqlite) | candidates
    near = {one.id for one in candidates.values() if here is not None and one.concept_id == here}
    alike = await _alike(reader, meant, near, who) if meant is not None else []
    readable = [one for one in candidates.values() if who.may_read(one.source, one.key, one.concept_id)]
    scored = sorted((_scored(one, weights, totals, near) for one in readable), key=lambda one: (-one.score, one.id))
    fitting = [one for one in scored if one.score > 0]
    best = [*fitting, *(one for one in scored if one.score <= 0 and one.id in near)]
    links = await _links(reader, {one.key for one in (*fitting, *alike) if one.source == "page"})
    covered = max((coverage(one.words, asked) for one in fitting[:3]), default=0.0) if wanted else 1.0
    concepts = _concepts(fitting, links, who)
    if alike:
        best = _merged(alike, fitting, best)
        # By meaning the passages of one page are all alike: several of them say no more than the best.
        concepts = add_shares(concepts, covered, _concepts(alike, links, who, others=0))
        covered = 1.0
    return Findings(tuple(await _shown(reader, best[:shown], links, who)), _ranked(concepts), weights, covered)


def _named(question: str) -> list[str]:
    """What is a name whatever word it is: written as code, or in capitals as GET and WITH are."""
    in_capitals = [] if question.isupper() else _CAPITALS.findall(question)
    return [*_AS_CODE.findall(question), *in_capitals]


async def _alike(reader: WideReader, meant: Meant, near: set[int], who: Reader) -> list[_Candidate]:
    """The passages that fit by what they mean, best first, scored from `CLOSE_ENOUGH` to 1 and by `HERE`.

    Whatever is known of a passage is read here: what is held in memory may be of yesterday's.
    """
    found, cosines = dict[int, _Candidate](), dict[int, float]()
    statement = queries.VECTORS.format(reader.among("p.id", 2))
    for begin in range(0, len(meant.nearest), meant.compared):
        part = meant.nearest[begin : begin + meant.compared]
        rows = await reader.slow_rows(statement, meant.model, reader.ids(part))
        seen = [row for row in rows if who.may_read(*row[1:4])]
        found |= _candidates(row[:6] for row in seen)
        cosines |= await asyncio.to_thread(_cosines, meant, [(row[0], row[6]) for row in seen])
        if len(found) >= meant.compared:
            break
    fitting = fit(meant, cosines, near, HERE)
    return [found[number]._replace(score=fitting[number]) for number in fitting]


def _cosines(meant: Meant, rows: Iterable[tuple[int, bytes]]) -> dict[int, float]:
    return {number: cosine(meant.vector, unpacked(vector)) for number, vector in rows}


def _merged(alike: Sequence[_Candidate], fitting: Sequence[_Candidate], best: Sequence[_Candidate]) -> list[_Candidate]:
    """Both rankings as one, and then what is shown in any case."""
    known = {one.id: one for one in (*best, *alike)}
    scores = fuse([one.id for one in alike], [one.id for one in fitting])
    first = [known[number]._replace(score=score) for number, score in scores.items()]
    return [*first, *(one for one in best if one.id not in scores)]


async def weights_of(reader: WideReader, texts: Sequence[str]) -> dict[str, float]:
    """{term: how much it says} of the terms of these texts."""
    wanted = sorted({stem(word) for text in texts for word in search_terms(text)})[:MOST_WEIGHED]
    if not wanted:
        return {}
    totals = Totals(*(await reader.rows(queries.TOTALS))[0])
    return weigh(wanted, await _holding(reader, wanted), totals)


async def count_holding(reader: WideReader, words: Sequence[str]) -> tuple[dict[str, int], int]:
    """{word: passages that hold it}, and how many passages there are. The words are looked up by their stems."""
    totals = Totals(*(await reader.rows(queries.TOTALS))[0])
    found = await _holding(reader, [stem(word) for word in words])
    return {word: found[stem(word)] for word in words if stem(word) in found}, totals.passages


async def _spelt(
    reader: WideReader, wanted: Sequence[str], holding: Mapping[str, int]
) -> tuple[list[str], dict[str, int]]:
    """The terms with those that the course does not know taken for the word it knows that is spelt nearly so."""
    known, terms_ = dict(holding), list(wanted)
    unknown = [(place, term) for place, term in enumerate(wanted) if term not in known and may_be_misspelt(term)]
    for place, term in unknown[:MOST_MISSPELT]:
        begin = term[:SAME_START]
        rows = await reader.rows(queries.WORDS_FROM, begin, begin + LAST_LETTER)
        near = nearest_word(term, {word: passages for word, passages in rows if word.startswith(begin)})
        if near is not None:
            terms_[place] = near
            known[near] = next(passages for word, passages in rows if word == near)
    return list(dict.fromkeys(terms_)), known


async def _holding(reader: WideReader, words: Sequence[str]) -> dict[str, int]:
    """{word: passages that hold it} of those that any does."""
    rows = await reader.rows(queries.HOLDING.format(_parameters(words)), *words)
    return {word: passages for word, passages in rows if passages > 0}


def _scored(one: _Candidate, weights: Mapping[str, float], totals: Totals, near: set[int]) -> _Candidate:
    found = score(one.words, one.length, weights, totals)
    return one._replace(score=found * HERE if one.id in near else found)


async def _near(reader: WideReader, here: int) -> dict[int, _Candidate]:
    own = _candidates(await reader.rows(queries.OF_CONCEPT, here))
    return own | _candidates(await reader.rows(queries.OF_LINKED_PAGES, here), of=here)


async def _matching(
    reader: WideReader, weights: Mapping[str, float], holding: Mapping[str, int], *, is_sqlite: bool
) -> dict[int, _Candidate]:
    """The passages with the rarest terms; where the rarest is a common one, those that hold another as well."""
    rarest, *others = sorted(weights, key=lambda one: (holding[one], one))
    found = to_look_up(weights, holding)
    quoted, either = ('"{}"', " OR ") if is_sqlite else ("'{}'", " | ")
    query = either.join(quoted.format(word) for word in found)
    if holding[rarest] > CANDIDATES and others:
        both = " AND " if is_sqlite else " & "
        query = f"{quoted.format(rarest)}{both}({either.join(quoted.format(word) for word in others)})"
    statement = queries.CANDIDATES["sqlite" if is_sqlite else "postgresql"]
    return _candidates(await reader.slow_rows(statement, query))


def _candidates(rows: Iterable[Sequence[Any]], of: int | None = None) -> dict[int, _Candidate]:
    return {
        number: _Candidate(number, source, key, concept_id if of is None else of, _apart(words), length)
        for number, source, key, concept_id, words, length in rows
    }


def _apart(words: str) -> str:
    """Each word with blanks of its own around it, so that counting finds every one."""
    return f" {words} ".replace(" ", "  ")


async def _links(reader: WideReader, pages: set[str]) -> dict[str, list[int]]:
    """{page: concepts that send their readers there}."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    names = sorted(pages)
    for begin in range(0, len(names), 100):
        part = names[begin : begin + 100]
        for page, concept_id in await reader.rows(queries.LINKED.format(_parameters(part)), *part):
            found[page].append(concept_id)
    return found


def _concepts(
    fitting: Iterable[_Candidate], links: Mapping[str, Sequence[int]], who: Reader, *, others: float = 0.5
) -> dict[int, float]:
    """Concepts by their best passage, and a share of the next two; a page's count for those that send readers there."""
    scores: defaultdict[int, list[float]] = defaultdict(list)
    for one in fitting:
        mine = [one.concept_id] if one.source != "page" and one.concept_id else links.get(one.key, ())
        for concept_id in mine:
            # A page that many concepts name says less of each.
            scores[concept_id].append(one.score / (1 if one.source != "page" else len(mine) ** 0.5))
    allows = who.viewer.visibility.allows
    return {number: best[0] + sum(best[1:3]) * others for number, best in scores.items() if allows(number)}


def _ranked(scores: Mapping[int, float]) -> tuple[tuple[int, float], ...]:
    return tuple(sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:CONCEPTS_AT_MOST])


async def _shown(
    reader: WideReader, best: Sequence[_Candidate], links: Mapping[str, Sequence[int]], who: Reader
) -> list[Found]:
    if not best:
        return []
    numbers = [one.id for one in best]
    rows = {row[0]: row for row in await reader.rows(queries.SHOW.format(_parameters(numbers)), *numbers)}
    return [_found(rows[one.id], _owner(one, links, who), round(one.score, 4)) for one in best if one.id in rows]


def _found(row: Sequence[Any], concept_id: int | None, score_: float) -> Found:
    number, source, key, _, version, title, heading, kind, language, content = row
    return Found(number, source, key, concept_id, version, title, heading, kind, language, content, score_)


def _owner(one: _Candidate, links: Mapping[str, Sequence[int]], who: Reader) -> int | None:
    if one.concept_id is not None:
        return one.concept_id
    return next((number for number in links.get(one.key, ()) if who.viewer.visibility.allows(number)), None)


def _parameters(values: Sequence[object]) -> str:
    return ", ".join(f"${number}" for number in range(1, len(values) + 1))
