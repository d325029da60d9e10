"""What a reply is made of, settled before its first word: what is asked, what the learner may be told, what the course
says, and what may not be said. Reads only.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import quote

import orjson

from learntrac.backends.llm import LanguageModel
from learntrac.chat import composing, debugging, ladder, queries, questions
from learntrac.chat.composing import Brief, Topic, Work
from learntrac.chat.courtesies import Courtesy, find_courtesy
from learntrac.chat.events import Citation, Turn
from learntrac.chat.findings import Findings, Found
from learntrac.chat.gate import NOTHING, TALK, Decision, Known, decide, required
from learntrac.chat.languages import Language, find_language, is_spoken, without_small_words
from learntrac.chat.memory import Said, remember
from learntrac.chat.outgoing import Outgoing, Vault
from learntrac.chat.questions import Checked, Question
from learntrac.chat.ranking import terms
from learntrac.chat.retrieval import Reader, count_holding, search, weights_of
from learntrac.chat.tasks import Secrets, Tasks, read_tasks
from learntrac.chat.vectors import Meanings
from learntrac.concepts.viewing import viewer_of
from learntrac.kit.clock import Clock, to_micros
from learntrac.kit.db import Database
from learntrac.trac.permissions import Permissions
from learntrac.trac.words import search_terms

COVERED_FROM = 0.5
"""Of what is asked, weighed by how rare the words are: below, the course is held to say nothing about it."""
COVERED_HERE_FROM = 0.15
"""The same where the concept of the talk fits best."""
NEAR_FROM, NEAR_CONCEPTS = 0.1, 2
"""Concepts that are named as the nearest where the course has nothing, from such a share on."""
QUOTED_CHARACTERS = 4000
HERE_ENOUGH = 0.55
"""A question is about the concept of the talk where that fits at least so well as the best one."""
BEFORE = 30
"""Earlier replies that count when pieces of something hidden are added up: of this talk, and a model's in others."""
WARNED_REPLIES = 6
"""So many replies after one that had to be stopped less is enough to stop another."""
FAILURES_IN_A_ROW = 3
FAILURES_WITHIN = timedelta(days=14)
_WANTS_CODE = re.compile(
    r"\b(?:examples?|snippets?|in code|code samples?|show me (?:some |the )?code|implement)\b", re.IGNORECASE
)
_WANTS_QUESTION = re.compile(
    r"\b(?:ask|give|set) me (?:a |an |one |another |some |more |the |next |easier |harder |simpler )*"
    r"(?:questions?|exercise|task|quiz|something|one)\b"
    r"|\b(?:quiz|test|examine) me\b|\b(?:next|another|new) (?:question|one)\b|\bskip (?:it|this|that)\b"
    r"|\b(?:an? |one )?(?:easier|harder|simpler|different) (?:question|one)\b",
    re.IGNORECASE,
)
_WANTS_MORE = re.compile(r"\b(?:again|another|more|else|other(?:wise)?|differently|further)\b", re.IGNORECASE)


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
    """All that is settled before the first word: what the reply is made of, and what may not be said in it.

    `before` are earlier replies, to whose pieces those of this one add up; `public` is what may be said, and `own` what
    the learner wrote. `is_warned`: of the learner's last replies one was about to give something away.
    """

    brief: Brief
    retention: float
    vault: Vault = field(default_factory=Vault)
    before: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    in_quiz: bool = False
    is_warned: bool = False

    def outgoing(self) -> Outgoing:
        """What the reply passes on its way out."""
        return Outgoing(self.vault, self.before, self.public, self.own, is_warned=self.is_warned)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """What the reply rests on, numbered as its text does."""
        return tuple(_citation(number, one) for number, one in enumerate(composing.sources(self.brief), 1))


async def make_plan(tutor: Tutor, turn: Turn) -> Plan:
    """What the reply is made of: reads only, and no model but the one for embeddings."""
    courtesy = find_courtesy(turn.text)
    if courtesy is not None:
        return await _talk_plan(tutor, turn, courtesy)
    who, database = tutor.reader(turn.user_id), tutor.database
    findings, language = await _look_up(tutor, turn, who)
    async with database.read() as session:
        tasks = await read_tasks(session, user_id=turn.user_id, now=tutor.clock())
    code = debugging.find_code(turn.text)
    open_concepts = tutor.assumed.open_concepts if tutor.assumed is not None else tasks.open_concepts
    # Who works at an exercise asks about that, whatever words the course has for it.
    is_at_work = code is not None or turn.concept_id in open_concepts
    targets = _targets(turn, findings, is_at_work=is_at_work)
    known = await _known(tutor, who, turn.user_id, targets, tasks)
    if elsewhere := _asked_elsewhere(turn, who, targets, known):
        targets = elsewhere
        known = await _known(tutor, who, turn.user_id, targets, tasks)
    decision = decide(targets, known) if targets else NOTHING
    near = [] if targets or findings.covered < NEAR_FROM else findings.concept_ids[:NEAR_CONCEPTS]
    topics = await _topics(database, {turn.concept_id, decision.aim, *decision.targets, *near})
    before = tuple(said.text for said in turn.said if said.role == "assistant")[-BEFORE:]
    brief = Brief(
        decision=decision,
        mode=turn.mode,
        findings=findings,
        here=topics.get(turn.concept_id or 0),
        aim=topics.get(decision.aim or 0),
        target=topics.get(decision.targets[0]) if decision.targets else None,
        wants_code=turn.wants_code or _WANTS_CODE.search(turn.text) is not None,
        opens=not turn.text,
        work=_work(turn, code, tasks),
        offers_person=await _struggles(tutor, turn, decision),
        is_lost=ladder.is_lost(turn.text),
        again=ladder.is_lost(turn.text) or _WANTS_MORE.search(turn.text) is not None,
        wants_question=_WANTS_QUESTION.search(turn.text) is not None,
        near=tuple(topics[number] for number in near if number in topics and number != turn.concept_id),
        elsewhere=language,
    )
    brief = await _with_help(tutor, turn, who, brief)
    brief = replace(brief, quoted=_quoted_before(brief, before), checked=await _check(tutor, turn, who))
    return await _guarded(tutor, turn, _with_question(turn, brief), tasks, before)


async def _talk_plan(tutor: Tutor, turn: Turn, courtesy: Courtesy) -> Plan:
    """Nothing is looked up for a greeting; what the tutor asked last still stands."""
    topics = await _topics(tutor.database, {turn.concept_id})
    brief = Brief(
        decision=TALK,
        mode=turn.mode,
        findings=Findings(),
        here=topics.get(turn.concept_id or 0),
        courtesy=courtesy,
        next_question=turn.open_question,
    )
    return Plan(brief, remember(turn.said).retention)


async def _look_up(tutor: Tutor, turn: Turn, who: Reader) -> tuple[Findings, Language | None]:
    """What the course says about the message, and the learner's language where the course is in another."""
    database, asked, language = tutor.database, _asked(turn), find_language(turn.text)
    if language is not None:
        asked = without_small_words(asked, language)
        if is_spoken(language, *await count_holding(database.hot, language.commonest)):
            language = None
    meant = await tutor.meanings.find(asked, user_id=turn.user_id) if tutor.meanings is not None else None
    found = await search(database.hot, asked, who=who, here=turn.concept_id, is_sqlite=database.is_sqlite, meant=meant)
    return found, language


async def _guarded(tutor: Tutor, turn: Turn, brief: Brief, tasks: Tasks, before: tuple[str, ...]) -> Plan:
    """The plan with what may not be said, and what may."""
    decision, shown = brief.decision, (brief.here, brief.aim)
    around = [*decision.targets, *decision.missing[:20], *(one.id for one in shown if one)]
    vault = await tutor.secrets.vault(tutor.database, open_ids=tasks.open_ids, concepts=around)
    public = [one.content for one in (*brief.findings.passages, *brief.help.passages)]
    public += [text for one in shown if one for text in (one.title, *one.objectives)]
    own = [said.text for said in turn.said if said.role == "user"][-BEFORE:]
    elsewhere = await _told_elsewhere(tutor, turn)
    here = [said for said in turn.said if said.role == "assistant"]
    return Plan(
        brief,
        remember(turn.said).retention,
        vault,
        (*(said.text for said in elsewhere), *before),
        tuple(dict.fromkeys(public)),
        (*own, tasks.last_code),
        tasks.in_quiz,
        is_warned=any(said.withheld for said in [*elsewhere, *here][-WARNED_REPLIES:]),
    )


async def _told_elsewhere(tutor: Tutor, turn: Turn) -> tuple[Said, ...]:
    """What a model told this learner in other talks. The built-in tutor's words are the course's own, and public."""
    if tutor.language_model is None:
        return ()
    rows = await tutor.database.hot.rows(queries.TOLD_ELSEWHERE, turn.user_id, turn.chat_id, composing.MODEL, BEFORE)
    return tuple(Said("assistant", text, '"withheld":true' in details) for text, details in reversed(rows))


def _quoted_before(brief: Brief, before: Sequence[str]) -> frozenset[int]:
    """The passages found that this talk has shown already."""
    shown = ["".join(text.replace("\n> ", "\n").split()) for text in before]
    found = {one.id: "".join(one.content.split())[:200] for one in (*brief.findings.passages, *brief.help.passages)}
    return frozenset(number for number, start in found.items() if any(start in text for text in shown))


def _asked(turn: Turn) -> str:
    """What to look for: the message without its code; where it is a try, what was asked before it; and where it says
    nothing of a subject, the last message that did.
    """
    earlier = [said.text for said in reversed(turn.said[:-1]) if said.role == "user"]
    if turn.open_question is not None and ladder.is_attempt(turn.text):
        asked = next((text for text in earlier if not ladder.is_attempt(text)), "")
        return f"{_subject_of(asked)} {turn.open_question.objective}"
    # A message of code alone, where nothing was said before, is about the code.
    return next((subject for text in (turn.text, *earlier) if (subject := _subject_of(text))), turn.text)


def _subject_of(text: str) -> str:
    """What is left of a message that may name a subject: nothing of a greeting, a sigh or a demand alone."""
    if find_courtesy(text) is not None or ladder.is_lost(text):
        return ""
    said = _WANTS_QUESTION.sub(" ", ladder.without_demand(debugging.without_code(text)))
    return said if terms(search_terms(said)) else ""


def _targets(turn: Turn, findings: Findings, *, is_at_work: bool) -> tuple[int, ...]:
    """The concepts of the question: the one of the talk where it fits well enough, else the one that fits best."""
    is_on_topic = is_at_work or _goes_on(turn)
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


def _goes_on(turn: Turn) -> bool:
    """Whether the message answers what the tutor said before, or asks for more of it, and not for something else."""
    if turn.open_question is None and not turn.given:
        return False
    return ladder.is_attempt(turn.text) or not _subject_of(turn.text)


def _asked_elsewhere(turn: Turn, who: Reader, targets: Sequence[int], known: Known) -> tuple[int, ...]:
    """The concept of the tutor's last question where that has nothing to do with the talk's: the subject was changed,
    and what was asked there is what the learner tries.
    """
    last = turn.open_question
    if last is None or not targets or not ladder.is_attempt(turn.text):
        return ()
    is_seen = who.viewer.visibility.allows(last.concept_id)
    return (last.concept_id,) if is_seen and last.concept_id not in required(targets, known.needs) else ()


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
    """What was seen in the learner's code in the message; in debugging else their last run of the open exercise."""
    if code is not None and (seen := debugging.look_at(*code)).seen:
        return seen
    return tasks.last_run if turn.mode == "debugging" else None


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
    rung = ladder.QUESTION if brief.wants_question else rung
    last = next((one.rung for one in reversed(turn.given) if one.aim == decision.aim), None)
    found = brief.findings
    if decision.aim not in decision.targets:
        about = f"{brief.aim.title} {' '.join(brief.aim.objectives)}" if brief.aim else turn.text
        database = tutor.database
        found = await search(database.hot, about, who=who, here=decision.aim, is_sqlite=database.is_sqlite)
    repeated = last == rung and rung < ladder.SIBLING and not _subject_of(turn.text)
    return replace(brief, rung=rung, help=found, repeated=repeated)


def _with_question(turn: Turn, brief: Brief) -> Brief:
    """The last question checked, and the next one set."""
    last = turn.open_question
    if brief.decision.kind == "nothing":
        # What was asked before is still to be answered.
        return replace(brief, checked=None, next_question=last)
    brief = replace(brief, open_question=last)
    if brief.decision.kind == "answer" and turn.mode in ("explaining", "debugging") and not brief.wants_question:
        return brief
    topic = brief.topic
    if topic is None:
        return brief
    if last is not None and last.concept_id == topic.id and _still_stands(turn, brief):
        return replace(brief, next_question=last)
    objective = questions.choose(topic.objectives, brief.findings.weights, turn.asked)
    asked = questions.ask(objective) if objective else f"What do you know about {topic.title} already?"
    return replace(brief, next_question=Question(topic.id, objective or "", asked))


def _still_stands(turn: Turn, brief: Brief) -> bool:
    """Whether the last question is asked again: as long as the ladder climbs towards its answer."""
    if brief.wants_question:
        return False
    if brief.checked is None:
        return brief.repeated
    return turn.mode != "practice" and not brief.checked.is_right and (brief.rung or ladder.SIBLING) < ladder.SIBLING


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
        quote=_quoted(one.content),
    )


def _url(one: Found) -> str:
    if one.source == "page":
        return f"/wiki/{quote(one.key, safe='/')}?version={one.version}"
    return f"/exercises/{quote(one.key, safe='')}" if one.source == "exercise" else f"/ticket/{one.concept_id}"


def _quoted(text: str) -> str:
    """A passage as a citation holds it: whole, or so much of it as ends with a word."""
    return text if len(text) <= QUOTED_CHARACTERS else text[:QUOTED_CHARACTERS].rsplit(None, 1)[0] + " …"
