"""A report whose worker is killed (kill -9) again and again, in every stage: made once, counted once, whole."""

import asyncio
import os
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from learntrac.analytics import scratch
from tests.analytics.export_worker import STAGES
from tests.analytics.test_exports import body, have_learned, parts_of
from tests.conftest import Api, eventually
from tests.contract.processes import a_python, kill
from tests.webhooks.listening import announced, listen


async def reached(worker: "subprocess.Popen[bytes]", stage: str) -> None:
    """Read what it says until it is at this stage."""
    assert worker.stdout
    said = []
    while (line := await asyncio.to_thread(worker.stdout.readline)) != f"at {stage}\n".encode():
        said.append(line)
        assert line, b"".join(said).decode()


async def test_a_report_outlives_its_workers(api: Api) -> None:
    await have_learned(api)
    await listen(api, "export.ready")
    ivan = await api.sign_in("ivan")
    ordered = await ivan.post("/analytics/export", body(user_ids=["alice", "bob"]))
    there = f"/analytics/export/{ordered['export_id']}"

    for stage in STAGES:
        with a_python("tests.analytics.export_worker", str(api.trac.folder), stage) as worker:
            await asyncio.wait_for(reached(worker, stage), 60)
            expected = "completed" if stage == "kept" else "processing"
            assert (await ivan.get(f"{there}/status"))["status"] == expected, stage
            kill(worker)

    async def nothing_waits() -> bool:
        depth = await api.parts.queue.depth()
        return depth.waiting == depth.running == 0

    with a_python("tests.analytics.export_worker", str(api.trac.folder), "end"):
        await eventually(nothing_waits, within_seconds=60)

    status = await ivan.get(f"{there}/status")
    assert (status["status"], status["progress"], status["error"]) == ("completed", 100, None)
    response = await api.client.get(status["download_url"], headers={"Authorization": f"Bearer {ivan.token}"})
    assert len(response.content) == status["size"]
    assert [row[0] for row in parts_of(response.content)[1]] == ["User", "alice", "bob"]
    rows = await api.parts.database.hot.slow_rows("SELECT count(*), sum(length(content)) FROM export_piece")
    assert tuple(rows[0]) == (1, status["size"])
    assert [(event, data["export_id"]) for event, data in await announced(api)] == [
        ("export.ready", ordered["export_id"])
    ]
    counted = await api.parts.database.hot.slow_rows("SELECT count(*) FROM export WHERE owner = 'ivan'")
    assert counted[0][0] == 1
    if api.parts.database.is_sqlite:
        async with api.parts.database.read() as session:
            assert (await session.execute(text("PRAGMA integrity_check"))).scalar_one() == "ok"


def test_what_a_killed_worker_left_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, other = tmp_path / f"{scratch.PREFIX}left", tmp_path / "somebody-else"
    for one in (left, other):
        one.mkdir()
        (one / "report.csv").write_text("alice")
        os.utime(one, (time.time() - 100,) * 2)

    with scratch.folder(lost_after_seconds=200) as first:
        assert left.exists(), "it may still be made"
    with scratch.folder(lost_after_seconds=50) as second:
        assert (left.exists(), first.exists(), second.exists(), other.exists()) == (False, False, True, True)


def test_what_may_not_be_removed_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"{scratch.PREFIX}broken").symlink_to(tmp_path / "nowhere")

    with scratch.folder(lost_after_seconds=0) as folder:
        assert folder.is_dir()
