"""The sliding window that limits are counted by: once for this process, and once as a script for Redis.

Both keep two numbers for each limit. Windows begin at whole multiples of their length since the epoch.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

from learntrac.backends.cache import Counts, Window

MOST_COUNTERS = 100_000
"""Under 40 MB. Beyond it the one that was asked for least recently is forgotten."""

COUNT = """
-- KEYS: the counters. ARGV, for each: the limit, the window's seconds, 1 to count or 0 to look.
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local answers = {}

for i, key in ipairs(KEYS) do
  local limit, seconds = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  local window = math.floor(now / seconds)
  local left = (window + 1) * seconds - now
  local before, current = 0, 0

  local kept = redis.call('GET', key)
  if kept then
    local at, earlier, later = string.match(kept, '(%d+) (%d+) (%d+)')
    if tonumber(at) == window then
      before, current = tonumber(earlier), tonumber(later)
    elseif tonumber(at) == window - 1 then
      before = tonumber(later)
    end
  end

  local allowed = math.floor(before * left / seconds) + current < limit
  if allowed and ARGV[3 * i] == '1' then
    current = current + 1
    local until_slid_out = math.ceil((left + seconds) * 1000)
    redis.call('SET', key, string.format('%d %d %d', window, before, current), 'PX', until_slid_out)
  end
  answers[i] = {allowed and 1 or 0, before, current, tostring(left)}
end
return answers
"""
"""One call that decides, counts and tells: two would cost twice the time, and others could come between.

Redis runs it whole, by its own clock: exact over all processes. A counter is gone when it has slid out.
"""


_Name = tuple[str, int, int]
_Counter = tuple[int, int, int]


class Counters:
    """Exact within one process. `clock` gives seconds since the epoch."""

    def __init__(self, most: int = MOST_COUNTERS, clock: Callable[[], float] = time.time) -> None:
        self._most = most
        self._clock = clock
        self._counters: OrderedDict[_Name, _Counter] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counters)

    def count(self, key: str, *, limit: int, window_seconds: int, by: int) -> Window:
        """Count `by` hits, 1 or 0, where one is still allowed."""
        name, now = (key, limit, window_seconds), self._clock()
        window = int(now // window_seconds)
        before, current = self._find(name, window)
        left_seconds = (window + 1) * window_seconds - now
        allowed = Counts(before, current, left_seconds).used(window_seconds) < limit
        if allowed and by:
            current += by
            self._keep(name, (window, before, current), now)
        counts = Counts(before, current, left_seconds)
        return Window.of(counts, allowed=allowed, limit=limit, window_seconds=window_seconds, now=now)

    def clear(self, key: str, *, limit: int, window_seconds: int) -> None:
        """Forget the hits of `key`."""
        self._counters.pop((key, limit, window_seconds), None)

    def _find(self, name: _Name, window: int) -> tuple[int, int]:
        kept = self._counters.get(name)
        if kept is None:
            return 0, 0
        # A look keeps it too: whoever is refused again and again must not be forgotten for it.
        self._counters.move_to_end(name)
        at, before, current = kept
        if at == window:
            return before, current
        return (current, 0) if at == window - 1 else (0, 0)

    def _keep(self, name: _Name, counter: _Counter, now: float) -> None:
        self._counters[name] = counter
        self._counters.move_to_end(name)
        while len(self._counters) > self._most or self._oldest_is_over(now):
            self._counters.popitem(last=False)

    def _oldest_is_over(self, now: float) -> bool:
        name = next(iter(self._counters))
        return (self._counters[name][0] + 2) * name[2] <= now
