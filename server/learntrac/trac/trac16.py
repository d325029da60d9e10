"""Trac 1.6 as a library: the one place it is imported from, because its import needs care.

Importing this needs the extra `trac`; the server itself runs without it.
"""

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def _quiet() -> Iterator[None]:
    """Trac 1.6 still stands on two libraries that announce their end, and every importer would be warned."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
        warnings.filterwarnings("ignore", "'cgi' is deprecated", DeprecationWarning)
        yield


@contextmanager
def _without_foreign_multipart() -> Iterator[None]:
    """Hide a `multipart` that is not the library Trac means, for as long as Trac looks for it.

    FastAPI's `python-multipart` answers to that name as well. Trac would take it and fail at every form;
    finding none, it reads forms with the standard library.
    """
    foreign = _find_foreign_multipart()
    if foreign is None:
        yield
        return
    sys.modules["multipart"] = None  # type: ignore[assignment]  # how Python spells "do not import"
    try:
        yield
    finally:
        sys.modules["multipart"] = foreign


def _find_foreign_multipart() -> ModuleType | None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Please use `import python_multipart`", PendingDeprecationWarning)
        try:
            found = importlib.import_module("multipart")
        except ImportError:
            return None
    return None if hasattr(found, "parse_form_data") else found


with _quiet(), _without_foreign_multipart():
    from trac.config import Configuration
    from trac.core import TracError
    from trac.env import Environment, open_environment
    from trac.log import shutdown as close_log
    from trac.perm import PermissionSystem
    from trac.ticket.default_workflow import ConfigurableTicketWorkflow
    from trac.ticket.model import Component, Milestone, Ticket, Type, Version
    from trac.ticket.query import Query
    from trac.util.concurrency import get_thread_id
    from trac.web.main import dispatch_request
    from trac.web.session import DetachedSession
    from trac.wiki.model import WikiPage

__all__ = [
    "Component",
    "ConfigurableTicketWorkflow",
    "Configuration",
    "DetachedSession",
    "Environment",
    "Milestone",
    "PermissionSystem",
    "Query",
    "Ticket",
    "TracError",
    "Type",
    "Version",
    "WikiPage",
    "close_log",
    "dispatch_request",
    "get_thread_id",
    "open_environment",
]
