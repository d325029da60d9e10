"""Leaving a provider alone that does not answer, so that learners do not wait for it one after the other."""

import time
from collections.abc import Callable

from learntrac.backends.llm import ModelDown

FAILURES = 3
"""Calls in a row that failed, each with its attempts."""
REST_SECONDS = 15.0
LONGEST_REST_SECONDS = 300.0


class Breaker:
    """Closed at first. After some failures in a row nothing is sent for a while; then one call tries, and its failure
    doubles the rest.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._rest_seconds = REST_SECONDS
        self._try_at = 0.0
        self.problem: str | None = None
        """Why the last call failed; None where it was answered, or none was made."""

    def enter(self) -> bool:
        """Whether this call is the one that tries. Raises ModelDown while nothing is sent."""
        if self._failures < FAILURES:
            return False
        if self._clock() < self._try_at:
            raise ModelDown(f"left alone after {self._failures} failures: {self.problem}")
        self._try_at = self._clock() + self._rest_seconds
        return True

    def succeeded(self) -> None:
        """The provider answered."""
        self._failures, self._rest_seconds, self.problem = 0, REST_SECONDS, None

    def failed(self, problem: str, *, was_trial: bool) -> None:
        """A call and its attempts failed."""
        self.problem = problem
        self._failures += 1
        if was_trial:
            self._rest_seconds = min(2 * self._rest_seconds, LONGEST_REST_SECONDS)
        if self._failures >= FAILURES:
            self._try_at = self._clock() + self._rest_seconds
