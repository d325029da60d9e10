"""What the server measures of itself, for Prometheus.

A `Metrics` belongs to one server: nothing is kept outside it. Where PROMETHEUS_MULTIPROC_DIR names a folder before this
module is imported, several processes write into it and whichever is asked answers for all of them. What cannot be
counted as it happens (how full a pool is, how late the catalog) is read by samplers, every few seconds and before
each answer.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
SAMPLED_EVERY_SECONDS = 5.0
UNMATCHED = "unmatched"
"""The route of a request that no door takes: addresses that strangers make up must not become time series."""

_REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_CALL_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10)
_CLOSE_CODES = {1000, 1001, 1005, 1006, 1009, 1011, 1012, 4400, 4401, 4404, 4408, 4429}
_TURN_BUCKETS = (0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10)
_AI_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 20, 60)
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


@dataclass(frozen=True)
class Calls:
    """The calls to one backend: `observe` notes one by its seconds, whether it failed or not; `failed` that it did."""

    observe: Callable[[float], None]
    failed: Callable[[], None]


NOT_WATCHED = Calls(lambda _seconds: None, lambda: None)
"""For a backend that nobody measures."""


class Metrics:
    """Counts and measures; `render()` is what `GET /metrics` answers. `prefix` is left out of the names of routes."""

    def __init__(self, *, version: str = "", prefix: str = "") -> None:
        # The time at which a counter began is a second series for each, and nobody asks for it.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library leaves this one out
        self.registry = registry = CollectorRegistry()
        self._prefix = prefix
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._calls: dict[str, Calls] = {}
        self._samplers: list[Callable[[], None]] = [self._sample_in_flight]
        self.in_flight = 0
        """Requests begun and not yet answered; the edge keeps count."""

        self._requests = Counter(
            "learntrac_http_requests_total",
            "Requests answered, by route, method and class of status",
            ("route", "method", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "learntrac_http_request_duration_seconds",
            "Time from a request's headers to the end of its answer",
            ("route", "method"),
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self._in_flight = Gauge(
            "learntrac_http_requests_in_flight",
            "Requests that are being answered now",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._limited = Counter(
            "learntrac_rate_limited_requests_total",
            "Requests refused with 429, by route",
            ("route",),
            registry=registry,
        )
        self._sign_ins = Counter(
            "learntrac_sign_ins_total",
            "Sign-ins with name and password; outcome is ok or failed",
            ("outcome",),
            registry=registry,
        )
        self._call_seconds = Histogram(
            "learntrac_backend_call_duration_seconds",
            "Time of one call to a backend, such as a statement of SQL",
            ("backend",),
            buckets=_CALL_BUCKETS,
            registry=registry,
        )
        self._call_failures = Counter(
            "learntrac_backend_failures_total",
            "Calls to a backend that failed",
            ("backend",),
            registry=registry,
        )
        self._deliveries = Counter(
            "learntrac_webhook_attempts_total",
            "Tries to deliver an event to a webhook or a learning record store; outcome is delivered or failed",
            ("outcome",),
            registry=registry,
        )
        for outcome in ("delivered", "failed"):
            self._deliveries.labels(outcome)
        self._runs = Counter(
            "learntrac_sandbox_runs_total",
            "Submissions that were run, by language and how they ended",
            ("language", "outcome"),
            registry=registry,
        )
        self._runs_refused = Counter(
            "learntrac_sandbox_refused_total",
            "Submissions that were not run; reason is busy or no_tier",
            ("reason",),
            registry=registry,
        )
        self._run_seconds = Histogram(
            "learntrac_sandbox_run_duration_seconds",
            "Time of a run in its boxes, waiting not counted",
            ("language",),
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self._add_voice()
        self._add_ai()
        self._add_gauges(version)
        for outcome in ("ok", "failed"):
            self._sign_ins.labels(outcome)

    def _add_voice(self) -> None:
        registry = self.registry
        self.voice_sockets = 0
        """Voice sockets that are open here; the studio keeps count."""
        self._voice_sockets = Gauge(
            "learntrac_voice_sockets",
            "Voice sockets that are open now",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._voice_seconds = Counter(
            "learntrac_voice_speech_seconds_total", "Seconds of sound that learners sent", registry=registry
        )
        self._voice_turn_seconds = Histogram(
            "learntrac_voice_turn_seconds",
            "Time from the end of speech to the first sound of the answer",
            buckets=_TURN_BUCKETS,
            registry=registry,
        )
        self._voice_closed = Counter(
            "learntrac_voice_closed_total",
            "Voice connections closed, by close code",
            ("code",),
            registry=registry,
        )

    def voice_turn(self, seconds: float) -> None:
        """Note an answer's first sound, so long after the end of speech."""
        self._voice_turn_seconds.observe(seconds)

    def voice_heard(self, seconds: float) -> None:
        """Note so much sound of a learner's."""
        self._voice_seconds.inc(seconds)

    def voice_closed(self, code: int) -> None:
        """Note a voice connection's end. A client may close with any number: those of its own are one series."""
        self._voice_closed.labels(str(code) if code in _CLOSE_CODES else "other").inc()

    def _add_ai(self) -> None:
        registry = self.registry
        self._ai_calls = Counter(
            "learntrac_ai_calls_total",
            "Calls to a language model; outcome is answered, failed or budget (refused, nothing was sent)",
            ("outcome",),
            registry=registry,
        )
        for outcome in ("answered", "failed", "budget"):
            self._ai_calls.labels(outcome)
        self._ai_seconds = Histogram(
            "learntrac_ai_call_duration_seconds",
            "Time of one call to a language model with all its attempts",
            buckets=_AI_BUCKETS,
            registry=registry,
        )
        self._ai_tokens = Counter(
            "learntrac_ai_tokens_total",
            "Tokens spent on a language model, as its provider counts them; kind is input, cached or output",
            ("model", "kind"),
            registry=registry,
        )
        self._ai_cost = Counter(
            "learntrac_ai_cost_usd_total",
            "US dollars spent on a language model, by its configured prices",
            ("model",),
            registry=registry,
        )

    def _add_gauges(self, version: str) -> None:
        registry = self.registry
        info = Gauge(
            "learntrac_info",
            "Always 1; the label says which version runs",
            ("version",),
            multiprocess_mode="livemax",
            registry=registry,
        )
        info.labels(version).set(1)
        Gauge(
            "learntrac_processes",
            "Processes that serve requests",
            multiprocess_mode="livesum",
            registry=registry,
        ).set(1)
        self._up = Gauge(
            "learntrac_backend_up",
            "Whether a backend answered when it was last asked: 1 or 0",
            ("backend",),
            multiprocess_mode="livemin",
            registry=registry,
        )
        self._connections = Gauge(
            "learntrac_database_connections_in_use",
            "Connections of a pool that are at work",
            ("pool",),
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._connections_limit = Gauge(
            "learntrac_database_connections_limit",
            "Connections that a pool may open at most",
            ("pool",),
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._sync_lag = Gauge(
            "learntrac_sync_lag_seconds",
            "Seconds since the catalog was last known to be as Trac is",
            multiprocess_mode="livemin",
            registry=registry,
        )
        self._concepts = Gauge(
            "learntrac_sync_concepts",
            "Concepts in the catalog",
            multiprocess_mode="livemax",
            registry=registry,
        )
        self._jobs = Gauge(
            "learntrac_queue_jobs",
            "Jobs in the queue, by state",
            ("state",),
            multiprocess_mode="livemostrecent",
            registry=registry,
        )
        self._oldest_job = Gauge(
            "learntrac_queue_oldest_job_seconds",
            "How long the oldest job that is due has been waiting",
            multiprocess_mode="livemostrecent",
            registry=registry,
        )

        self._pending_deliveries = Gauge(
            "learntrac_webhook_deliveries_pending",
            "Deliveries that are to be made, those that wait for their next try included",
            multiprocess_mode="livemostrecent",
            registry=registry,
        )

        self._learning = Gauge(
            "learntrac_learning",
            "Dashboard figures of all learners: active_learners, concepts_completed, hours, completion_rate, mastery",
            ("figure", "timeframe"),
            multiprocess_mode="livemostrecent",
            registry=registry,
        )
        self._unread_events = Gauge(
            "learntrac_analytics_unread_events",
            "Events of learners that the kept sums do not hold yet",
            multiprocess_mode="livemostrecent",
            registry=registry,
        )

        self._runs_waiting = Gauge(
            "learntrac_sandbox_waiting",
            "Submissions that wait for their turn",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._tier_up = Gauge(
            "learntrac_sandbox_tier_up",
            "Whether a tier of the sandbox passed its self-test: 1 or 0",
            ("language", "tier"),
            multiprocess_mode="livemin",
            registry=registry,
        )

    def ran(self, language: str, outcome: str, seconds: float) -> None:
        """Note one run of a submission, and how it ended."""
        self._runs.labels(language, outcome).inc()
        self._run_seconds.labels(language).observe(seconds)

    def run_refused(self, reason: str) -> None:
        """Note that a submission was not run."""
        self._runs_refused.labels(reason).inc()

    def observe_sandbox(self, *, waiting: int) -> None:
        """Note how many submissions wait."""
        self._runs_waiting.set(waiting)

    def observe_tier(self, language: str, tier: str, *, up: bool) -> None:
        """Note whether a tier may be used."""
        self._tier_up.labels(language, tier).set(int(up))

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Note one answered request; `route` is the door's path with its parameters unnamed, never the raw path."""
        key = (route, method, status // 100)
        series = self._series.get(key)
        if series is None:
            series = self._series_of(key)
        series[0].inc()
        series[1].observe(seconds)
        if status == 429:
            self._limited.labels(route.removeprefix(self._prefix) or UNMATCHED).inc()

    def _series_of(self, key: tuple[str, str, int]) -> tuple[Counter, Histogram]:
        route, method, status = key
        # Kept by what was asked, so that strange methods must not be kept at all.
        name, verb = route.removeprefix(self._prefix) or UNMATCHED, method if method in _METHODS else "other"
        found = self._requests.labels(name, verb, f"{status}xx"), self._seconds.labels(name, verb)
        if verb == method:
            self._series[key] = found
        return found

    def signed_in(self, *, ok: bool) -> None:
        """Note one try to sign in."""
        self._sign_ins.labels("ok" if ok else "failed").inc()

    def asked(self, outcome: str, seconds: float | None = None) -> None:
        """Note one call to a language model: answered, failed or budget, and how long it took."""
        self._ai_calls.labels(outcome).inc()
        if seconds is not None:
            self._ai_seconds.observe(seconds)

    def spent(self, model: str, *, fresh: int, cached: int, output: int, micro_usd: int) -> None:
        """Note what one answer of a language model took: its tokens, and millionths of a US dollar."""
        for kind, tokens in (("input", fresh), ("cached", cached), ("output", output)):
            self._ai_tokens.labels(model, kind).inc(tokens)
        self._ai_cost.labels(model).inc(micro_usd / 1_000_000)

    def calls(self, backend: str) -> Calls:
        """Where the calls to this backend are noted; a name of its own for each, such as `database`."""
        if backend not in self._calls:
            seconds, failures = self._call_seconds.labels(backend), self._call_failures.labels(backend)
            self._calls[backend] = Calls(seconds.observe, failures.inc)
        return self._calls[backend]

    def observe_learning(self, timeframe: str, figures: Mapping[str, float], *, unread: int) -> None:
        """Note what a dashboard shows of a window, and how many events its sums do not hold yet."""
        for name, value in figures.items():
            self._learning.labels(name, timeframe).set(value)
        self._unread_events.set(unread)

    def observe_up(self, backend: str, *, up: bool) -> None:
        """Note whether a backend answers."""
        self._up.labels(backend).set(int(up))

    def observe_pool(self, pool: str, *, in_use: int, limit: int) -> None:
        """Note how full a pool of database connections is."""
        self._connections.labels(pool).set(in_use)
        self._connections_limit.labels(pool).set(limit)

    def observe_sync(self, *, lag_seconds: float, concepts: int) -> None:
        """Note how far the catalog is behind Trac, and its size."""
        self._sync_lag.set(lag_seconds)
        self._concepts.set(concepts)

    def observe_queue(self, depth: Mapping[str, int], *, oldest_seconds: float = 0) -> None:
        """Note how many jobs there are in each state, every state each time, and how long the oldest has been due."""
        for state, jobs in depth.items():
            self._jobs.labels(state).set(jobs)
        self._oldest_job.set(oldest_seconds)

    def observe_delivery(self, outcome: str) -> None:
        """Note one try to deliver an event: delivered or failed."""
        self._deliveries.labels(outcome).inc()

    def observe_pending_deliveries(self, pending: int) -> None:
        """Note how many deliveries are still to be made."""
        self._pending_deliveries.set(pending)

    def add_sampler(self, sampler: Callable[[], None]) -> None:
        """Have this called every few seconds and before each answer: short, without waiting for anything."""
        self._samplers.append(sampler)

    def sample(self) -> None:
        """Call every sampler."""
        for sampler in self._samplers:
            sampler()

    def _sample_in_flight(self) -> None:
        self._in_flight.set(self.in_flight)
        self._voice_sockets.set(self.voice_sockets)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """All figures of all processes as text, and its content type, by the scraper's Accept header."""
        registry = self.registry
        if os.environ.get(SHARED_FOLDER):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # the library leaves this one out
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type


@contextmanager
def shared_between_processes() -> Iterator[None]:
    """For the parent of several server processes: the folder that they share, gone at the end.

    To be entered before the first of them starts, which must import this module afresh.
    """
    with tempfile.TemporaryDirectory(prefix="learntrac-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ[SHARED_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[SHARED_FOLDER]


def forget_process(pid: int) -> None:
    """For the parent, when a process has ended: what it counted stays, what it was just doing does not."""
    if os.environ.get(SHARED_FOLDER):
        mark_process_dead(pid)  # type: ignore[no-untyped-call] # the library leaves this one out
