"""Every benchmark that needs no data from outside, one after the other, those that take long in a shorter form."""

from benchmarks import (
    against_trac,
    concepts_list,
    concepts_scale,
    event_cost,
    hot_reads,
    learning_writes,
    mixed_load,
    placement,
    recommendations,
    request_parts,
    sync_cost,
)
from benchmarks.places import DATABASES

if __name__ == "__main__":
    concepts_list.main()
    concepts_scale.main(sizes=(1_000, 100_000), rounds=3)
    against_trac.main(rounds=1)
    sync_cost.main(first_rounds=1, rounds=2, watched_seconds=10)
    hot_reads.main(rounds=3)
    learning_writes.main(rounds=3)
    event_cost.main()
    request_parts.main()
    mixed_load.run(DATABASES, (1_000, 10_000), seconds=2.0, rounds=2)
    recommendations.main()
    placement.main()
