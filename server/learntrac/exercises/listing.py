"""The list of exercises as written SQL. Pure: from filters to statements, the same on both databases.

A page joins at most a hundred rows of ready JSON with the learner's standings. How many fit the filters, whoever asks,
is counted once for each generation of the catalog, which a change of an exercise begins anew.
"""

from dataclasses import dataclass, field

from learntrac.exercises.schemas import ExerciseQuery
from learntrac.trac.visibility import Visibility

GENERATION = "SELECT generation FROM catalog_state"
_MET = (
    "NOT EXISTS (SELECT 1 FROM prerequisite p LEFT JOIN standing t ON t.user_id = {user}"
    " AND t.concept_id = p.prerequisite_id WHERE p.concept_id = e.concept_id AND p.state = 'kept'"
    " AND coalesce(t.status, 'new') <> 'mastered' AND t.completed_at IS NULL)"
)


@dataclass
class _Statement:
    clauses: list[str] = field(default_factory=list)
    args: list[object] = field(default_factory=list)

    def bind(self, value: object) -> str:
        self.args.append(value)
        return f"${len(self.args)}"


@dataclass(frozen=True)
class Listing:
    """One request for a list. `exceptions` are the concepts that this caller sees though the rest is hidden, or the
    other way round.
    """

    query: ExerciseQuery
    user_id: str
    visibility: Visibility
    exceptions: frozenset[int] = frozenset()

    def page(self) -> tuple[str, list[object]]:
        """(SQL, parameters) of the rows (doc_head, status, started_by, completed_by, prerequisites met, id)."""
        statement = _Statement()
        user = statement.bind(self.user_id)
        self._filter(statement)
        if self.query.status is not None:
            statement.clauses.append(f"coalesce(s.status, 'available') = {statement.bind(self.query.status)}")
        # Numbers that were validated as such: as parameters they would hide from the planner that few rows are wanted.
        limits = f"LIMIT {self.query.limit} OFFSET {self.query.offset}"
        sql = (
            f"SELECT e.doc_head, s.status, e.started_by, e.completed_by, {_MET.format(user=user)}, e.id"  # noqa: S608 - every value is a parameter
            f" FROM exercise e LEFT JOIN exercise_standing s ON s.user_id = {user} AND s.exercise_id = e.id"
            f" WHERE {' AND '.join(statement.clauses)} ORDER BY e.concept_id, e.level, e.id {limits}"
        )
        return sql, statement.args

    def total(self) -> tuple[str, list[object]]:
        """(SQL, parameters) of how many fit the filters that do not depend on the learner."""
        statement = _Statement()
        self._filter(statement)
        return f"SELECT count(*) FROM exercise e WHERE {' AND '.join(statement.clauses)}", statement.args  # noqa: S608 - every value is a parameter

    def total_key(self) -> tuple[object, ...]:
        """Equal for listings with an equal `total`."""
        return (self.visibility.key, self.query.concept_id, self.query.difficulty, self.query.type)

    def mine(self) -> tuple[str, list[object]]:
        """(SQL, parameters) of the rows (status, count) of those that the learner has begun and that fit."""
        statement = _Statement()
        user = statement.bind(self.user_id)
        self._filter(statement)
        sql = (
            "SELECT s.status, count(*) FROM exercise_standing s JOIN exercise e ON e.id = s.exercise_id"  # noqa: S608 - every value is a parameter
            f" WHERE s.user_id = {user} AND {' AND '.join(statement.clauses)} GROUP BY s.status"
        )
        return sql, statement.args

    def _filter(self, statement: _Statement) -> None:
        query = self.query
        statement.clauses.append("NOT e.is_retired")
        statement.clauses.append("EXISTS (SELECT 1 FROM concept c WHERE c.id = e.concept_id)")
        if query.concept_id is not None:
            statement.clauses.append(f"e.concept_id = {statement.bind(query.concept_id)}")
        if query.type is not None:
            statement.clauses.append(f"e.type = {statement.bind(query.type)}")
        if query.difficulty is not None:
            whole = query.difficulty.is_integer()
            value = int(query.difficulty) if whole else query.difficulty
            statement.clauses.append(f"e.{'level' if whole else 'difficulty'} = {statement.bind(value)}")
        self._hide(statement)

    def _hide(self, statement: _Statement) -> None:
        if self.visibility.uniform:
            if not self.visibility.default:
                statement.clauses.append("1 = 0")
            return
        numbers = ", ".join(str(number) for number in sorted(self.exceptions)) or "0"
        statement.clauses.append(f"e.concept_id {'NOT IN' if self.visibility.default else 'IN'} ({numbers})")


def counts(total: int, mine: dict[str, int], status: str | None) -> tuple[int, int]:
    """(total, completed) among what fits all filters, the status included."""
    completed, begun = mine.get("completed", 0), mine.get("in_progress", 0)
    if status is None:
        return total, completed
    fitting = {"completed": completed, "in_progress": begun, "available": total - completed - begun}[status]
    return fitting, completed if status == "completed" else 0


def item(row: tuple[object, ...]) -> str:
    """An exercise's JSON in a list, from a row of `page`."""
    head, status, started, completed, met = row[0], row[1], int(str(row[2])), int(str(row[3])), bool(row[4])
    rate = round(completed / started, 4) if started else 0.0
    return f'{head}"{status or "available"}","completion_rate":{rate},"prerequisites_met":{str(met).lower()}}}'
