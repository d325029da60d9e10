"""The dashboard: a window's figures, what changed, which concepts stand out, and which orders went well."""

from collections.abc import Iterable, Mapping, Sequence

from learntrac.activity.totals import OfConcept, Part, WindowTotals, of_all, of_learner
from learntrac.activity.windows import first_day
from learntrac.analytics.issues import read_common_issues
from learntrac.analytics.paths import SHOWN, Path, read_paths
from learntrac.analytics.schemas import (
    Change,
    Dashboard,
    LearningPaths,
    StrugglingArea,
    SuccessfulPath,
    Summary,
    TopConcept,
    Trends,
)
from learntrac.concepts.viewing import Viewer
from learntrac.kit.readers import WideReader


async def get_dashboard(
    reader: WideReader, *, viewer: Viewer, user_id: str | None, timeframe: str, today: int
) -> Dashboard:
    """The window that ends today, of one learner or of all, in the concepts that `viewer` may know of."""
    visibility = viewer.visibility
    if user_id is None:
        totals = await of_all(reader, window=timeframe, today=today, visibility=visibility)
    else:
        totals = await of_learner(reader, user_id=user_id, window=timeframe, today=today, visibility=visibility)
    issues = await read_common_issues(
        reader,
        [one.concept_id for one in totals.struggling],
        first=first_day(timeframe, today),
        last=today,
        user_id=user_id,
    )
    paths = await read_paths(reader, window=timeframe, today=today, user_id=user_id)
    return Dashboard(
        summary=_summary(totals.current),
        trends=_trends(totals),
        top_concepts=[_top(one) for one in totals.top],
        struggling_areas=[_struggling(one, issues) for one in totals.struggling],
        learning_paths=LearningPaths(most_successful=_paths(paths, viewer)),
    )


def _summary(part: Part) -> Summary:
    return Summary(
        active_learners=part.learners,
        concepts_completed=part.figures.completed_last,
        average_mastery_score=part.figures.average_mastery,
        total_learning_hours=part.figures.hours,
    )


def _trends(totals: WindowTotals) -> Trends:
    current, previous = totals.current, totals.previous
    return Trends(
        completion_rate=change(current.figures.completion_rate, previous.figures.completion_rate),
        engagement_score=change(current.engagement, previous.engagement),
    )


def change(current: float, previous: float) -> Change:
    """Both, and by how many percent of the former the latter is more or less, with one decimal."""
    percent = round(100 * (current - previous) / previous, 1) if previous else 0.0
    return Change(current=current, previous=previous, change_percentage=percent)


def _top(one: OfConcept) -> TopConcept:
    return TopConcept(
        concept_id=one.concept_id,
        title=one.title,
        completions=one.figures.completed_last,
        average_time=one.figures.average_seconds,
        average_score=one.figures.average_mastery,
    )


def _struggling(one: OfConcept, issues: Mapping[int, Sequence[str]]) -> StrugglingArea:
    return StrugglingArea(
        concept_id=one.concept_id,
        title=one.title,
        failure_rate=one.figures.failure_rate,
        average_attempts=one.figures.average_attempts,
        common_issues=list(issues[one.concept_id]),
    )


def _paths(paths: Iterable[Path], viewer: Viewer) -> list[SuccessfulPath]:
    seen = [path for path in paths if all(map(viewer.visibility.allows, path.concepts))]
    return [
        SuccessfulPath(path=list(path.concepts), success_rate=path.success_rate, average_time=path.average_seconds)
        for path in seen[:SHOWN]
    ]
