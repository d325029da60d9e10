"""Trac 1.6 alone behind uvicorn, with four threads.

Trac collects garbage after every request, most of which time goes into objects that are there for good. With
`--set-aside` these are left out, as LearnTrac does it for the Trac at `/trac`; no other server does.
"""

import argparse
import gc
from pathlib import Path

import uvloop

from learntrac.kit.http.server import make_server
from learntrac.trac.mount import mounted


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trac-env", required=True, type=Path)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--set-aside", action="store_true")
    given = parser.parse_args()
    trac = mounted(given.trac_env, lambda _username, _password, _address: False)
    if given.set_aside:
        gc.collect()
        gc.freeze()
    uvloop.run(make_server(trac, host="127.0.0.1", port=given.port).serve())


if __name__ == "__main__":
    main()
