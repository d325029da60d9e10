"""The interactive API page, from files on this machine: a course may run where no other network is reached."""

from pathlib import Path

import fastapi_offline
import orjson
from fastapi import APIRouter, Response
from fastapi.staticfiles import StaticFiles
from starlette.routing import Mount

_FILES = Path(fastapi_offline.__file__).parent / "static"
_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>LearnTrac API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/files/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/files/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""


def docs_router(openapi_url: str) -> APIRouter:
    """The page at `docs`, and what it loads."""
    router = APIRouter(include_in_schema=False)
    options = {"url": openapi_url, "dom_id": "#swagger-ui", "deepLinking": True, "persistAuthorization": True}
    script = f"window.ui = SwaggerUIBundle({orjson.dumps(options).decode()});"

    @router.get("/docs")
    async def page() -> Response:
        return Response(_PAGE, media_type="text/html", headers={"Content-Security-Policy": _POLICY})

    @router.get("/docs/start.js")
    async def start() -> Response:
        return Response(script, media_type="text/javascript")

    return router


def docs_files(path: str) -> Mount:
    """The files of the page, to be mounted at `path`."""
    return Mount(path, StaticFiles(directory=_FILES), name="docs-files")
