"""Whose eyes a concept is seen with: the learner's own statuses, and only the tickets that Trac lets them view."""

from collections.abc import Iterable
from dataclasses import dataclass

from learntrac.trac.permissions import Permissions
from learntrac.trac.visibility import Visibility


@dataclass(frozen=True)
class Viewer:
    """Who looks: `user_id` None is anybody. What `visibility` hides does not exist for them, anywhere."""

    user_id: str | None
    visibility: Visibility

    def seen(self, numbers: Iterable[int]) -> list[int]:
        """Those of the concepts that this viewer may know of."""
        found = list(numbers)
        if self.visibility.uniform:
            return found if self.visibility.default else []
        return [number for number in found if self.visibility.allows(number)]


def viewer_of(permissions: Permissions, user_id: str | None) -> Viewer:
    """The viewer that this user is by Trac's permissions now."""
    return Viewer(user_id, permissions.visibility(user_id))
