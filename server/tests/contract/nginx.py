"""nginx with the file that deploy/nginx ships, on ports of the test's own."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.servers import ROOT
from tests.environments import find_free_port

SHIPPED = ROOT / "deploy" / "nginx" / "learntrac.conf"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def find_nginx() -> str:
    """nginx's program. Skips the test where there is none."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("no nginx here")
    return found


@contextmanager
def proxy(folder: Path, *, api: tuple[int, int], trac: int) -> Iterator[str]:
    """The proxy in front of two API processes and a Trac at these ports of 127.0.0.1: its address."""
    program, port = find_nginx(), find_free_port()
    config = _write_config(folder, port=port, api=api, trac=trac)
    command = [program, "-p", str(folder), "-c", str(config)]
    tested = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    assert "[warn]" not in tested.stderr, tested.stderr
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_it_listens(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=60)


def _write_config(folder: Path, *, port: int, api: tuple[int, int], trac: int) -> Path:
    text = SHIPPED.read_text()
    for shipped, used in {
        "\n    listen 80;": f"\n    listen 127.0.0.1:{port};",
        "server 127.0.0.1:8001 ": f"server 127.0.0.1:{api[0]} ",
        "server 127.0.0.1:8002 ": f"server 127.0.0.1:{api[1]} ",
        "server 127.0.0.1:8000;": f"server 127.0.0.1:{trac};",
        "/var/log/nginx/learntrac.log": f"{folder}/access.log",
    }.items():
        assert text.count(shipped) == 1, shipped
        text = text.replace(shipped, used)
    assert re.search("/var/", text) is None
    (folder / "learntrac.conf").write_text(text)
    places = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in _TEMPORARY)
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        f"{user} daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log;"
        f" events {{}} http {{ {places} include {folder}/learntrac.conf; }}"
    )
    return config


def wait_until_it_listens(port: int) -> None:
    """Returns as soon as something listens at this port of 127.0.0.1; fails after ten seconds."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "the proxy did not listen in time"
            time.sleep(0.02)
