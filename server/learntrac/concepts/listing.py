"""The list of concepts as written SQL. Pure: from filters to statements, the same on both databases but for full text.

A page joins at most twenty rows of ready JSON with the learner's statuses. The total of a filter is counted once for
each generation of the catalog, so that a page costs the same whether there are a thousand concepts or a hundred
thousand.
"""

from dataclasses import dataclass, field

from learntrac.concepts.schemas import ConceptQuery
from learntrac.concepts.viewing import Viewer
from learntrac.trac.words import search_terms

_ORDERS = {
    "title": "c.sorted_title",
    "difficulty": "c.difficulty",
    "created_at": "c.created_at",
    "updated_at": "c.updated_at",
    "estimated_time": "c.estimated_minutes",
}
_GENERATION = "(SELECT generation FROM catalog_state)"
GENERATION = f"SELECT {_GENERATION}"


@dataclass
class _Statement:
    """Clauses with their numbered parameters."""

    clauses: list[str] = field(default_factory=list)
    args: list[object] = field(default_factory=list)

    def bind(self, value: object) -> str:
        """The placeholder of a new parameter."""
        self.args.append(value)
        return f"${len(self.args)}"

    def where(self) -> str:
        return " WHERE " + " AND ".join(self.clauses) if self.clauses else ""


@dataclass(frozen=True)
class Listing:
    """One request for a list: what is asked, who asks, and for which database the statements are.

    `exceptions` are the concepts that this viewer sees though the rest is hidden, or the other way round.
    """

    query: ConceptQuery
    viewer: Viewer
    dialect: str
    exceptions: frozenset[int] = frozenset()

    def page(self) -> tuple[str, list[object]]:
        """(SQL, parameters) of the rows (generation, id, doc_head, status, doc_tail) of this page."""
        statement = _Statement()
        tables = self._tables(statement)
        self._filter(statement)
        status = "c.standing" if self.viewer.user_id is None else "s.status"
        order, limit, offset = self._order(statement), self.query.limit, self.query.offset
        sql = f"SELECT {_GENERATION}, c.id, c.doc_head, {status}, c.doc_tail FROM {tables}{statement.where()}"  # noqa: S608 - every value is a parameter
        # Numbers that were validated as such: as parameters they would hide from the planner that few rows are wanted.
        return f"{sql} ORDER BY {order} LIMIT {limit} OFFSET {offset}", statement.args

    def total(self) -> tuple[str, list[object]]:
        """(SQL, parameters) of how many concepts fit the filters that do not depend on the learner."""
        statement = _Statement()
        self._filter_concepts(statement)
        return f"SELECT count(*) FROM concept c{statement.where()}", statement.args  # noqa: S608 - every value is a parameter

    def total_key(self) -> tuple[object, ...]:
        """Equal for listings with an equal `total`."""
        query = self.query
        status = query.status if self.viewer.user_id is None else None
        filters = (query.type, query.difficulty, query.component, query.milestone, query.owner, query.q)
        return (self.viewer.visibility.key, status, *filters)

    def begun(self) -> tuple[str, list[object]] | None:
        """(SQL, parameters) of how many the learner has a standing with, by the filter of status; None without one.

        The total of `new` is the total less these; of any other status it is these.
        """
        if self.viewer.user_id is None or self.query.status is None:
            return None
        statement = _Statement()
        statement.clauses.append(f"s.user_id = {statement.bind(self.viewer.user_id)}")
        if self.query.status != "new":
            statement.clauses.append(f"s.status = {statement.bind(self.query.status)}")
        self._filter_concepts(statement)
        tables = "standing s JOIN concept c ON c.id = s.concept_id"
        return f"SELECT count(*) FROM {tables}{statement.where()}", statement.args  # noqa: S608 - every value is a parameter

    def _tables(self, statement: _Statement) -> str:
        if self.viewer.user_id is None:
            return "concept c"
        user = statement.bind(self.viewer.user_id)
        if self.query.status in (None, "new"):
            return f"concept c LEFT JOIN standing s ON s.user_id = {user} AND s.concept_id = c.id"
        return f"standing s JOIN concept c ON c.id = s.concept_id AND s.user_id = {user}"

    def _filter(self, statement: _Statement) -> None:
        if self.viewer.user_id is not None and self.query.status is not None:
            if self.query.status == "new":
                statement.clauses.append("s.concept_id IS NULL")
            else:
                statement.clauses.append(f"s.status = {statement.bind(self.query.status)}")
        self._filter_concepts(statement)

    def _filter_concepts(self, statement: _Statement) -> None:
        query = self.query
        if self.viewer.user_id is None and query.status is not None:
            statement.clauses.append(f"c.standing = {statement.bind(query.status)}")
        for name in ("type", "component", "milestone", "owner"):
            value = getattr(query, name)
            if value is not None:
                statement.clauses.append(f"c.{name} = {statement.bind(value)}")
        if query.difficulty is not None:
            column = "level" if query.difficulty.is_integer() else "difficulty"
            value = int(query.difficulty) if column == "level" else query.difficulty
            statement.clauses.append(f"c.{column} = {statement.bind(value)}")
        if query.q is not None:
            statement.clauses.append(self._matches(statement, "body", query.q))
        self._hide(statement)

    def _hide(self, statement: _Statement) -> None:
        visibility = self.viewer.visibility
        if visibility.uniform:
            if not visibility.default:
                statement.clauses.append("1 = 0")
            return
        numbers = ", ".join(str(number) for number in sorted(self.exceptions)) or "0"
        statement.clauses.append(f"c.id {'NOT IN' if visibility.default else 'IN'} ({numbers})")

    def _matches(self, statement: _Statement, column: str, words: str) -> str:
        terms = search_terms(words)[:20]
        if not terms:
            return "1 = 0"
        if self.dialect == "sqlite":
            # A term has letters and digits only, so nothing in it needs an escape.
            match = f"{column} : (" + " AND ".join(f'"{term}" *' for term in terms) + ")"
            return f"c.id IN (SELECT rowid FROM concept_text WHERE concept_text MATCH {statement.bind(match)})"  # noqa: S608 - every value is a parameter
        match = " & ".join(f"{term}:*" for term in terms)
        condition = f"{column} @@ to_tsquery('simple', {statement.bind(match)})"
        return f"c.id IN (SELECT concept_id FROM concept_text WHERE {condition})"  # noqa: S608 - every value is a parameter

    def _order(self, statement: _Statement) -> str:
        sort = self.query.sort or ("relevance" if self.query.q else "id")
        if sort == "relevance":
            return f"({self._matches(statement, 'title', self.query.q)}) DESC, c.id" if self.query.q else "c.id"
        name, direction = sort.lstrip("-"), " DESC" if sort.startswith("-") else ""
        if name == "id":
            return f"c.id{direction}"
        return f"{_ORDERS[name]}{direction}, c.id{direction}"
