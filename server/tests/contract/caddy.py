"""Caddy with the file that deploy/caddy ships, on ports of the test's own and without a certificate."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.nginx import wait_until_it_listens
from tests.contract.servers import ROOT
from tests.environments import find_free_port

SHIPPED = ROOT / "deploy" / "caddy" / "Caddyfile"


def find_caddy() -> str:
    """Caddy's program. Skips the test where there is none."""
    found = shutil.which("caddy")
    if found is None:
        pytest.skip("no Caddy here")
    return found


@contextmanager
def caddy(folder: Path, *, api: tuple[int, int], trac: int) -> Iterator[str]:
    """Caddy in front of two API processes and a Trac at these ports of 127.0.0.1: its address."""
    program, port = find_caddy(), find_free_port()
    config = _write_config(folder, port=port, api=api, trac=trac)
    environ = {"HOME": str(folder), "PATH": os.environ.get("PATH", "")}
    command = [program, "run", "--adapter", "caddyfile", "--config", str(config)]
    server = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_it_listens(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=60)


def _write_config(folder: Path, *, port: int, api: tuple[int, int], trac: int) -> Path:
    text = SHIPPED.read_text()
    for shipped, used in {
        "learn.example.org {": f"{{\n\tadmin off\n}}\n\nhttp://127.0.0.1:{port} {{",
        "127.0.0.1:8001 127.0.0.1:8002": f"127.0.0.1:{api[0]} 127.0.0.1:{api[1]}",
        "reverse_proxy 127.0.0.1:8000": f"reverse_proxy 127.0.0.1:{trac}",
    }.items():
        assert text.count(shipped) == 1, shipped
        text = text.replace(shipped, used)
    config = folder / "Caddyfile"
    config.write_text(text)
    return config
