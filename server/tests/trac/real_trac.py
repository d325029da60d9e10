"""The real Trac 1.6, asked the same questions as our own code: the oracle of the tests of this folder."""

import configparser
import importlib
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# First, because it imports Trac with the care that Trac needs.
import learntrac.trac.trac16  # noqa: F401

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    for name in (
        "trac.about",
        "trac.admin.web_ui",
        "trac.attachment",
        "trac.search.web_ui",
        "trac.ticket.batch",
        "trac.ticket.report",
        "trac.ticket.roadmap",
        "trac.ticket.web_ui",
        "trac.timeline.web_ui",
        "trac.versioncontrol.admin",
        "trac.versioncontrol.svn_authz",
        "trac.versioncontrol.web_ui",
        "trac.wiki.web_ui",
        "tracopt.perm.config_perm_provider",
    ):
        importlib.import_module(name)
    from trac.config import Configuration
    from trac.core import TracError
    from trac.db.api import parse_connection_uri
    from trac.perm import (
        DefaultPermissionPolicy,
        DefaultPermissionStore,
        PermissionCache,
        PermissionSystem,
    )
    from trac.resource import Resource
    from trac.test import EnvironmentStub
    from trac.ticket.api import TicketSystem
    from trac.ticket.model import Ticket

    AuthzPolicy = importlib.import_module("tracopt.perm.authz_policy").AuthzPolicy

__all__ = ["BROKEN", "Configuration", "RealTrac", "TracError", "parse_connection_uri"]

BROKEN = (TracError, KeyError, RecursionError, configparser.Error)
"""What Trac raises instead of an answer when its authz file cannot be used."""


class RealTrac:
    """One Trac environment in memory, filled anew for each question."""

    def __init__(self, folder: Path) -> None:
        self._authz_file = folder / "authz.conf"
        self.env: Any = EnvironmentStub(enable=["trac.*", "tracopt.perm.*"])
        self.env.config.set("authz_policy", "authz_file", str(self._authz_file))

    def fill(
        self,
        rows: Iterable[tuple[str, str]],
        policies: Iterable[str],
        extra_permissions: dict[str, str],
        authz_text: str = "",
    ) -> None:
        """Replace permission table, settings and authz file, and forget what Trac keeps of the old ones."""
        self.env.db_transaction("DELETE FROM permission")
        with self.env.db_transaction as db:
            db.executemany("INSERT INTO permission VALUES (%s, %s)", sorted(set(rows)))
        self.env.config.set("trac", "permission_policies", ", ".join(policies))
        self.env.config.parser.remove_section("extra-permissions")
        for option, value in extra_permissions.items():
            self.env.config.set("extra-permissions", option, value)
        self._authz_file.write_text(authz_text, encoding="utf-8")
        self._forget()

    def _forget(self) -> None:
        store = DefaultPermissionStore(self.env)
        del store._all_permissions
        DefaultPermissionPolicy(self.env).permission_cache = {}
        AuthzPolicy(self.env).authz_mtime = None

    def rights(self, username: str | None) -> frozenset[str]:
        """The actions that Trac finds for a user in its table."""
        return frozenset(PermissionSystem(self.env).get_user_permissions(username or "anonymous", undefined=True))

    def groups(self, username: str | None) -> frozenset[str]:
        """The groups through which Trac finds them."""
        base = {"anonymous"} | ({"authenticated"} if username else set())
        found = DefaultPermissionStore(self.env)._get_actions_and_groups({username or "anonymous"} | base)[1]
        return frozenset(found) | base

    def may(self, username: str | None, action: str, ticket_id: int | None = None) -> bool:
        """Whether Trac allows an action: on a ticket, or outside any resource. Raises one of BROKEN."""
        perm = PermissionCache(self.env, username)
        if ticket_id is None:
            return bool(perm.has_permission(action))
        return bool(perm.has_permission(action, Resource("ticket", ticket_id)))

    def close(self) -> None:
        """Let the database go."""
        self.env.shutdown()


def custom_fields_of(options: dict[str, str]) -> list[tuple[str, str, str, str]]:
    """Name, type, label and default of each custom field that Trac makes of these options, in its order."""
    env = EnvironmentStub(config=[("ticket-custom", option, value) for option, value in options.items()])
    try:
        ticket = Ticket(env)
        return [
            (field["name"], field["type"], field["label"], ticket._custom_field_default(field))
            for field in TicketSystem(env).custom_fields
        ]
    finally:
        env.shutdown()


def is_enabled(rules: dict[str, str], name: str) -> bool:
    """Whether Trac switches a component of this name on by these `[components]`."""
    env = EnvironmentStub()
    try:
        env.config.parser.remove_section("components")
        for rule, value in rules.items():
            env.config.set("components", rule, value)
        env.__dict__.pop("_component_rules", None)
        module, _dot, class_name = name.rpartition(".")
        return bool(env.is_component_enabled(type(class_name, (), {"__module__": module})))
    finally:
        env.shutdown()
