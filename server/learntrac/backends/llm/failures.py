"""What went wrong in one attempt, in a sentence for a log: providers' own words repeat what they were sent."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelTimeoutError,
    UnexpectedModelBehavior,
)
from pydantic_ai.messages import FinishReason

WORTH_ANOTHER = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
WITHHELD = "the provider withheld the answer"
BROKEN_OFF = "the answer broke off"


class Failed(Exception):
    """An attempt failed. `again`: another may do better, after so many seconds where the provider says so; `refused`:
    the provider has done no work for this one.
    """

    def __init__(
        self, reason: str, *, again: bool = True, refused: bool = False, after_seconds: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason, self.again, self.refused, self.after_seconds = reason, again, refused, after_seconds


@contextmanager
def as_failures() -> Iterator[None]:
    """Whatever the clients raise in the block becomes Failed; a TimeoutError is the caller's own deadline."""
    try:
        yield
    except (Failed, TimeoutError):
        raise
    except ModelHTTPError as error:
        code = f" ({error.provider_error_code})" if error.provider_error_code else ""
        raise Failed(
            f"status {error.status_code}{code}",
            again=error.status_code in WORTH_ANOTHER,
            refused=not error.in_stream,
            after_seconds=error.retry_after,
        ) from error
    except ModelConnectionError as error:
        raise _not_connected(error) from error
    except (ModelAPIError, UnexpectedModelBehavior) as error:
        raise Failed(f"no answer that could be read ({type(error).__name__})") from error
    except Exception as error:
        # Whatever it is: a learner who asked the tutor must not be the one to suffer.
        raise Failed(f"{type(error).__module__.partition('.')[0]}: {type(error).__name__}", again=False) from error


def check_finish(reason: FinishReason | None) -> None:
    """Raise Failed where an answer did not come to its own end or to its allowed length."""
    if reason == "content_filter":
        raise Failed(WITHHELD, again=False)
    if reason is None or reason == "error":
        raise Failed(BROKEN_OFF)


def _not_connected(error: ModelConnectionError) -> Failed:
    what = "no answer in time" if isinstance(error, ModelTimeoutError) else "the connection failed"
    not_sent = error.phase in ("pool", "connect")
    return Failed(what if not_sent else f"{what}, after the prompt was sent", refused=not_sent)
