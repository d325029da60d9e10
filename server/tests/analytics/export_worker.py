"""A worker to be killed in the middle of a report: `python -m tests.analytics.export_worker TRAC_ENV STAGE`.

At that stage of making the report it says so and goes no further; at the stage `end` it works as any other. Stages:
`reading`, `writing`, `keeping` (the file is stored, the transaction not yet committed), `kept` (the job has not ended).
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from learntrac.analytics import exports
from learntrac.worker import work_until_told
from tests.conftest import make_settings
from tests.contract.servers import quiet_bar

STAGES = ("reading", "writing", "keeping", "kept")
TIMEOUT_SECONDS = 2


async def _stay_at(stage: str) -> None:
    sys.stdout.write(f"at {stage}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def _hold(stage: str) -> None:
    """Have the code that makes reports stop there."""
    where: Any = {"reading": exports._Told, "kept": exports.Maker}.get(stage, exports)
    name = {"reading": "gathered", "writing": "_write_parts", "keeping": "announce", "kept": "_keep"}[stage]
    real = getattr(where, name)

    async def run_then_stay(*args: Any, **more: Any) -> None:
        await real(*args, **more)
        await _stay_at(stage)

    setattr(where, name, run_then_stay)


async def main(trac_env: str, stage: str) -> None:
    """Work until killed."""
    if stage in STAGES:
        _hold(stage)
    settings = make_settings(Path(trac_env), worker_timeout_seconds=TIMEOUT_SECONDS)
    await work_until_told(settings, concurrency=1, progress_bar=quiet_bar)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
