"""From a learner's message to the tutor's reply, as events: what is asked, what may be said, what the course says.

Nothing here holds a transaction while a model answers. Voice and HTTP read the same events.
"""

import re
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import quote

import orjson

from learntrac.backends.llm import LanguageModel, ModelDown, Usage
from learntrac.chat import composing, debugging, ladder, queries, questions
from learntrac.chat.composing import Brief, Topic, Work
from learntrac.chat.events import Citation, Delta, Draft, Event, Final, Turn
from learntrac.chat.findings import Findings, Found
from learntrac.chat.gate import NOTHING, Decision, Known, decide
from learntrac.chat.memory import remember
from learntrac.chat.outgoing import Outgoing, Vault
from learntrac.chat.prompting import make_prompt
from learntrac.chat.questions import Checked, Question
from learntrac.chat.ranking import terms
from learntrac.chat.retrieval import Reader, search, weights_of
from learntrac.chat.tasks import Secrets, Tasks, read_tasks
from learntrac.chat.vectors import Meanings
from learntrac.concepts.viewing import viewer_of
from learntrac.kit.clock import Clock, to_micros
from learntrac.kit.db import Database
from learntrac.kit.logs import get_logger
from learntrac.trac.catalog import search_terms
from learntrac.trac.permissions import Permissions

COVERED_FROM = 0.34
"""Of what is asked, weighed by how rare the words are: below, the course is held to say nothing about it."""
COVERED_HERE_FROM = 0.15
"""The same where the concept of the talk fits best."""
QUOTED_CHARACTERS = 1200
HERE_ENOUGH = 0.55
"""A question is about the concept of the talk where that fits at least so well as the best one."""
BEFORE = 30
"""Earlier replies that count when pieces of something hidden are added up."""
FAILURES_IN_A_ROW = 3
FAILURES_WITHIN = timedelta(days=14)
_WANTS_CODE = re.compile(
    r"\b(?:examples?|snippets?|in code|code samples?|show me (?:some |the )?code|implement)\b", re.IGNORECASE
)

_log = get_logger("learntrac.chat")


@dataclass(frozen=True)
class Assumed:
    """What the bench makes believe of its learner: everything mastered, or these, and exercises open on these."""

    everything: bool = False
    mastered: frozenset[int] = frozenset()
    open_concepts: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Tutor:
    """What an answer is made with. Without a language model the built-in tutor answers."""

    database: Database
    permissions: Callable[[], Permissions]
    clock: Clock
    language_model: LanguageModel | None = None
    secrets: Secrets = field(default_factory=Secrets)
    assumed: Assumed | None = None
    meanings: Meanings | None = None
    """None: no model for embeddings is configured, and passages are found by words."""

    @property
    def name(self) -> str:
        """The model that is meant to answer."""
        return self.language_model.model if self.language_model is not None else composing.MODEL

    def reader(self, user_id: str) -> Reader:
        """Whose eyes the course is read with."""
        permissions = self.permissions()
        return Reader(viewer_of(permissions, user_id), lambda page: permissions.may_read_page(user_id, page))


@dataclass(frozen=True)
class Plan:
    """All that is settled before the first word: what the reply is made of, and what may not be said in it."""

    brief: Brief
    retention: float
    vault: Vault = field(default_factory=Vault)
    before: tuple[str, ...] = ()
    public: tuple[str, ...] = ()

    @property
    def citations(self) -> tuple[Citation, ...]:
        """What the reply rests on, numbered as its text does."""
        return tuple(_citation(number, one) for number, one in enumerate(composing.sources(self.brief), 1))


async def answer(tutor: Tutor, turn: Turn) -> AsyncGenerator[Event]:
    """The tutor's reply to one message: deltas and citations as they come, and at last all of it."""
    plan = await make_plan(tutor, turn)
    for citation in plan.citations:
        yield citation
    draft = _draft(plan)
    said = list[str]()
    model = tutor.language_model if _is_for_model(plan) else None
    voice = _spoken(model, turn, plan) if model is not None else _composed(plan)
    async for piece in voice:
        if isinstance(piece, Draft):
            draft = replace(piece, text="".join(said).strip())
        elif piece:
            said.append(piece)
            yield Delta(piece)
    yield Final(draft)


def _is_for_model(plan: Plan) -> bool:
    """Whether a model has anything to add: not where the course says nothing, nor to open a talk."""
    return plan.brief.decision.kind != "nothing" and not plan.brief.opens


async def _composed(plan: Plan) -> AsyncIterator[str | Draft]:
    """The built-in tutor's words. They pass the same check: a course may quote a solution somewhere."""
    outgoing = Outgoing(plan.vault, plan.before, plan.public)
    for piece in composing.compose(plan.brief):
        yield outgoing.push(piece)
    yield outgoing.finish()
    draft = replace(_draft(plan), ai_model=composing.MODEL)
    if outgoing.leaked is None:
        yield draft
        return
    _log.warning("the course's own text holds what an exercise hides", exercise=outgoing.leaked)
    yield "I leave this part to you: it would give away an exercise's answer. What have you tried so far?\n"
    yield replace(draft, withheld=True, examples=())


@dataclass
class _Telling:
    """How far a model has come."""

    usage: Usage
    said: bool = False
    failed: bool = False


async def _spoken(model: LanguageModel, turn: Turn, plan: Plan) -> AsyncIterator[str | Draft]:
    """A model's words, as far as they give nothing away; the built-in tutor's where it fails or has to be stopped."""
    outgoing, told = Outgoing(plan.vault, plan.before, plan.public), _Telling(Usage(model.model))
    async for piece in _told_by(model, turn, plan, outgoing, told):
        told.said = told.said or bool(piece.strip())
        yield piece
    draft = replace(_draft(plan), ai_model=told.usage.model, tokens=told.usage.tokens, fell_back=told.failed)
    if told.said and not told.failed and outgoing.leaked is None:
        yield draft
        return
    if told.said:
        yield _BROKE_OFF if outgoing.leaked is None else _STOPPED
    async for words in _composed(plan):
        if not isinstance(words, Draft):
            yield words
    name = draft.ai_model if told.said else composing.MODEL
    yield replace(draft, ai_model=name, withheld=outgoing.leaked is not None, fell_back=outgoing.leaked is None)


_BROKE_OFF = "\n\n(The model broke off here. What the course says:)\n\n"
_STOPPED = "\n\nI stop here: the rest would give the answer away.\n\n"


async def _told_by(
    model: LanguageModel, turn: Turn, plan: Plan, outgoing: Outgoing, told: _Telling
) -> AsyncIterator[str]:
    """What a model says, piece by piece, until it ends, fails, or is about to give something away."""
    prompt = make_prompt(plan.brief, remember(turn.said).messages)
    try:
        async with model.stream(prompt, user_id=turn.user_id) as stream:
            async for delta in stream:
                yield outgoing.push(delta)
                if outgoing.leaked is None and _writes_code(outgoing, plan):
                    outgoing.leaked = "code in a graded exercise"
                if outgoing.leaked is not None:
                    _log.warning("a model's answer was stopped", exercise=outgoing.leaked)
                    return
            told.usage = stream.usage
    except ModelDown as error:
        told.failed = True
        _log.warning("the built-in tutor answers instead of the model", reason=error.reason)
        return
    yield outgoing.finish()


def _writes_code(outgoing: Outgoing, plan: Plan) -> bool:
    """Whether a block of code is begun while a graded exercise is open and the ladder does not show one yet."""
    in_task = plan.brief.decision.in_task and (plan.brief.rung or 0) < ladder.SIBLING
    return in_task and "```" in outgoing.seen


def _draft(plan: Plan) -> Draft:
    brief = plan.brief
    covered = {one.concept_id: None for one in composing.sources(brief) if one.concept_id is not None}
    if brief.here is not None:
        covered.setdefault(brief.here.id)
    return Draft(
        text="",
        decision=brief.decision,
        rung=brief.rung,
        citations=plan.citations,
        examples=tuple(composing.code_examples(brief)),
        follow_ups=tuple(composing.follow_ups(brief)),
        question=brief.next_question,
        answered=brief.open_question if brief.checked is not None else None,
        checked=brief.checked,
        covered=tuple(covered),
        ai_model=composing.MODEL,
        retention=plan.retention,
    )


def _citation(number: int, one: Found) -> Citation:
    is_page = one.source == "page"
    return Citation(
        number=number,
        source="page" if is_page else "exercise" if one.source == "exercise" else "concept",
        title=one.title,
        url=_url(one),
        heading=one.heading,
        version=one.version if is_page else None,
        concept_id=one.concept_id,
        quote=one.content[:QUOTED_CHARACTERS],
    )


def _url(one: Found) -> str:
    if one.source == "page":
        return f"/wiki/{quote(one.key, safe='/')}?version={one.version}"
    return f"/exercises/{quote(one.key, safe='')}" if one.source == "exercise" else f"/ticket/{one.concept_id}"


async def make_plan(tutor: Tutor, turn: Turn) -> Plan:
    """What the reply is made of: reads only, and no model but the one for embeddings."""
    who, database = tutor.reader(turn.user_id), tutor.database
    asked = _asked(turn)
    meant = await tutor.meanings.find(asked, user_id=turn.user_id) if tutor.meanings is not None else None
    findings = await search(
        database.hot, asked, who=who, here=turn.concept_id, is_sqlite=database.is_sqlite, meant=meant
    )
    async with database.read() as session:
        tasks = await read_tasks(session, user_id=turn.user_id, now=tutor.clock())
    code = debugging.find_code(turn.text) if turn.mode == "debugging" else None
    open_concepts = tutor.assumed.open_concepts if tutor.assumed is not None else tasks.open_concepts
    # Who works at an exercise asks about that, whatever words the course has for it.
    is_at_work = code is not None or turn.concept_id in open_concepts
    targets = _targets(turn, findings, is_at_work=is_at_work)
    known = await _known(tutor, who, turn.user_id, targets, tasks)
    decision = decide(targets, known) if targets else NOTHING
    topics = await _topics(database, {turn.concept_id, decision.aim})
    brief = Brief(
        decision=decision,
        mode=turn.mode,
        findings=findings,
        here=topics.get(turn.concept_id or 0),
        aim=topics.get(decision.aim or 0),
        wants_code=turn.wants_code or _WANTS_CODE.search(turn.text) is not None,
        opens=not turn.text,
        work=_work(turn, code, tasks),
        offers_person=await _struggles(tutor, turn, decision),
    )
    brief = await _with_help(tutor, turn, who, brief)
    brief = replace(brief, checked=await _check(tutor, turn, who))
    brief = _with_question(turn, brief)
    retention = remember(turn.said).retention
    before = tuple(said.text for said in turn.said if said.role == "assistant")[-BEFORE:]
    around = [*decision.targets, *decision.missing[:20], *(one.id for one in (brief.here, brief.aim) if one)]
    vault = await tutor.secrets.vault(database, open_ids=tasks.open_ids, concepts=around)
    shown = (brief.here, brief.aim)
    public = [one.content for one in (*brief.findings.passages, *brief.help.passages)]
    public += [text for one in shown if one for text in (one.title, *one.objectives)]
    return Plan(brief, retention, vault, before, tuple(dict.fromkeys(public)))


def _asked(turn: Turn) -> str:
    """What to look for: the message; where that is a try, what was asked before it; and where it says nothing of a
    subject, the last message that did.
    """
    earlier = [said.text for said in reversed(turn.said[:-1]) if said.role == "user"]
    if turn.given and turn.open_question is not None and ladder.is_attempt(turn.text):
        asked = next((text for text in earlier if not ladder.is_attempt(text)), "")
        return f"{asked} {turn.open_question.objective}"
    return next((text for text in (turn.text, *earlier) if terms(search_terms(text))), turn.text)


def _targets(turn: Turn, findings: Findings, *, is_at_work: bool) -> tuple[int, ...]:
    """The concepts of the question: the one of the talk where it fits well enough, else the one that fits best."""
    is_on_topic = is_at_work or turn.open_question is not None or bool(turn.given and ladder.is_attempt(turn.text))
    best = findings.concepts[0][0] if findings.concepts else None
    enough = COVERED_HERE_FROM if best == turn.concept_id else COVERED_FROM
    fits = findings.covered >= enough
    if not fits and not is_on_topic:
        return ()
    scores = dict(findings.concepts)
    if turn.concept_id is not None:
        close = scores.get(turn.concept_id, 0.0) >= HERE_ENOUGH * (scores[best] if best else 0.0)
        if is_on_topic or best is None or close:
            return (turn.concept_id,)
    return (best,) if best is not None else ()


async def _known(tutor: Tutor, who: Reader, user_id: str, targets: Sequence[int], tasks: Tasks) -> Known:
    if not targets:
        return Known({})
    hot, allows = tutor.database.hot, who.viewer.visibility.allows
    places = ", ".join(f"${number}" for number in range(1, len(targets) + 1))
    needs: defaultdict[int, list[int]] = defaultdict(list)
    for concept, prerequisite in await hot.rows(queries.NEEDED.format(places), *targets):
        if allows(concept) and allows(prerequisite):
            needs[concept].append(prerequisite)
    if tutor.assumed is not None:
        mastered = frozenset({*targets, *needs, *(one for below in needs.values() for one in below)})
        mastered = mastered if tutor.assumed.everything else tutor.assumed.mastered
        return Known(needs, mastered, mastered, tutor.assumed.open_concepts)
    standings = await hot.rows(queries.STANDINGS, user_id)
    mastered = frozenset(row[0] for row in standings if row[1] == "mastered")
    completed = frozenset(row[0] for row in standings if row[2] is not None)
    return Known(needs, mastered, mastered | completed, tasks.open_concepts)


async def _topics(database: Database, numbers: Iterable[int | None]) -> dict[int, Topic]:
    wanted = sorted({number for number in numbers if number is not None})
    if not wanted:
        return {}
    places = ", ".join(f"${number}" for number in range(1, len(wanted) + 1))
    rows = await database.hot.rows(queries.TOPICS.format(places), *wanted)
    return {number: Topic(number, title, tuple(orjson.loads(objectives))) for number, title, objectives in rows}


def _work(turn: Turn, code: tuple[str, str] | None, tasks: Tasks) -> Work | None:
    """In debugging: the learner's code in the message, or else their last run of the exercise that is open."""
    if turn.mode != "debugging":
        return None
    if code is not None and (seen := debugging.look_at(*code)).seen:
        return seen
    return tasks.last_run


async def _struggles(tutor: Tutor, turn: Turn, decision: Decision) -> bool:
    if decision.aim is None and turn.concept_id is None:
        return False
    failing = await list_failing(tutor, turn.user_id)
    return bool({decision.aim, turn.concept_id} & failing.keys())


async def list_failing(tutor: Tutor, user_id: str) -> dict[int, int]:
    """{concept: failures in a row} of the last two weeks, from `FAILURES_IN_A_ROW` on."""
    since = to_micros(tutor.clock() - FAILURES_WITHIN)
    counts: dict[int, int] = {}
    over = set[int]()
    for concept, outcome, threshold in await tutor.database.hot.rows(queries.LAST_OUTCOMES, user_id, since):
        if concept in over:
            continue
        if outcome >= threshold:
            over.add(concept)
        else:
            counts[concept] = counts.get(concept, 0) + 1
    return {concept: count for concept, count in counts.items() if count >= FAILURES_IN_A_ROW}


async def _with_help(tutor: Tutor, turn: Turn, who: Reader, brief: Brief) -> Brief:
    """The rung, and the passages of the concept that is aimed at."""
    decision = brief.decision
    if decision.kind != "guide" or decision.aim is None:
        return brief
    rung = ladder.next_rung(turn.mode, decision.aim, turn.text, turn.given, now=tutor.clock())
    last = next((one.rung for one in reversed(turn.given) if one.aim == decision.aim), None)
    found = brief.findings
    if decision.aim not in decision.targets or turn.concept_id != decision.aim:
        about = f"{brief.aim.title} {' '.join(brief.aim.objectives)}" if brief.aim else turn.text
        database = tutor.database
        found = await search(database.hot, about, who=who, here=decision.aim, is_sqlite=database.is_sqlite)
    return replace(brief, rung=rung, help=found, repeated=last == rung and rung < ladder.SIBLING)


def _with_question(turn: Turn, brief: Brief) -> Brief:
    """The last question checked, and the next one set."""
    last = turn.open_question
    if brief.decision.kind == "nothing":
        return replace(brief, checked=None)
    brief = replace(brief, open_question=last)
    if brief.decision.kind == "answer" and turn.mode in ("explaining", "debugging"):
        return brief
    topic = brief.topic
    if topic is None:
        return brief
    if brief.repeated and last is not None and last.concept_id == topic.id and brief.checked is None:
        return replace(brief, next_question=last)
    objective = questions.choose(topic.objectives, brief.findings.weights, turn.asked)
    asked = questions.ask(objective) if objective else f"What do you know about {topic.title} already?"
    return replace(brief, next_question=Question(topic.id, objective or "", asked))


async def _check(tutor: Tutor, turn: Turn, who: Reader) -> Checked | None:
    """The message as an answer to the question that the tutor asked last, held against the course."""
    last, hot = turn.open_question, tutor.database.hot
    if last is None or not last.objective or not ladder.is_attempt(turn.text):
        return None
    is_sqlite = tutor.database.is_sqlite
    found = await search(hot, last.objective, who=who, here=last.concept_id, is_sqlite=is_sqlite)
    says = [one.content for one in found.passages if one.kind == "prose" and one.concept_id == last.concept_id][:3]
    if not says:
        return None
    return questions.check(turn.text, asked=last.asked, says=says, weights=await weights_of(hot, says))
