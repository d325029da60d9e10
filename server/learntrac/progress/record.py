"""A learner's record, as progress and recommendations need it: two statements, however much they have done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from learntrac.kit.readers import HotReader
from learntrac.mastery.standings import Begun, list_begun

RECORD = (
    "SELECT g.generation, s.state, p.difficulty, p.pace, p.resource_weights,"
    " EXISTS (SELECT 1 FROM placement_prior WHERE user_id = $1) FROM catalog_state g"
    " LEFT JOIN learner_state s ON s.user_id = $1 AND s.model <> ''"
    " LEFT JOIN learning_preference p ON p.user_id = $1"
)
PRIORS = "SELECT concept_id, probability FROM placement_prior WHERE user_id = $1"


class Preference(NamedTuple):
    """What a learner's feedback adds up to: shifts of difficulty and pace, and the weight of each kind of resource."""

    difficulty: float = 0.0
    pace: float = 0.0
    resource_weights: Mapping[str, float] = {}


@dataclass(frozen=True)
class LearnerRecord:
    """What was begun, of which generation of the catalog that is, the model's state as it is stored, the feedback, and
    {concept: probability} of a placement test.
    """

    user_id: str
    begun: Sequence[Begun]
    generation: int
    state: bytes | None
    preference: Preference
    placed: Mapping[int, float]

    def fingerprint(self) -> int:
        """A number that is another one, but for one chance in 2^61, as soon as anything but the preference is."""
        return hash((tuple(self.begun), self.generation, self.state, frozenset(self.placed.items())))


async def get_record(reader: HotReader, user_id: str) -> LearnerRecord:
    """The record as it is now; of somebody who never learned here nothing is known."""
    generation, state, *preference, is_placed = (await reader.rows(RECORD, user_id))[0]
    placed = {row[0]: row[1] for row in await reader.rows(PRIORS, user_id)} if is_placed else {}
    begun = await list_begun(reader, user_id=user_id)
    # What is begun tells of which generation it is, so that totals are never of an older course than what they total.
    of = begun[0].generation if begun else generation
    return LearnerRecord(user_id, begun, of, state, _preference(*preference), placed)


def _preference(difficulty: float | None, pace: float | None, weights: str | None) -> Preference:
    if difficulty is None or pace is None or weights is None:
        return Preference()
    return Preference(difficulty, pace, orjson.loads(weights))
