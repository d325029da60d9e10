"""A track about knots, small enough to know by heart, written into the folder a test gives."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIG: dict[str, Any] = {
    "language": "Knots",
    "slug": "knots",
    "active": True,
    "exercises": {
        "concept": [
            {"slug": "shoelace", "name": "The Shoelace", "concepts": ["overhand"], "prerequisites": []},
            {
                "slug": "rescue",
                "name": "Rescue at Sea",
                "concepts": ["bowline"],
                "prerequisites": ["overhand"],
                "status": "beta",
            },
            {"slug": "old-rope", "name": "Old Rope", "concepts": ["splicing"], "status": "wip"},
        ],
        "practice": [
            {
                "slug": "clothes-line",
                "name": "Clothes Line",
                "practices": ["bowline", "overhand"],
                "prerequisites": ["bowline", "overhand"],
                "difficulty": 4,
            },
            {"slug": "free-hand", "name": "Free Hand", "practices": [], "prerequisites": [], "difficulty": 10},
            {"slug": "hangman", "name": "Hangman", "status": "deprecated", "difficulty": 1},
        ],
    },
    "concepts": [
        {"slug": "overhand", "name": "Overhand Knot"},
        {"slug": "bowline", "name": "Bowline"},
        {"slug": "splicing", "name": "Splicing"},
    ],
}

FILES = {
    "concepts/overhand/introduction.md": (
        "# Introduction\n\nThe *simplest* knot. See [bowlines](/tracks/knots/concepts/bowline).\n"
    ),
    "concepts/overhand/about.md": "# About\n\nIt stops a rope from slipping.\n\n## Use\n\n```python\ntie()\n```\n",
    "concepts/overhand/links.json": json.dumps(
        [{"url": "https://knots.example/overhand", "description": "All about it"}, {"url": "no address"}]
    ),
    "concepts/overhand/.meta/config.json": json.dumps({"blurb": "The first knot of all."}),
    "concepts/bowline/about.md": "A loop that does not tighten, unlike [concept:knots/splicing]().\n",
    "concepts/bowline/links.json": "[]",
    "concepts/bowline/.meta/config.json": json.dumps({"blurb": "TODO: say something"}),
    "exercises/concept/shoelace/.docs/instructions.md": "# Instructions\n\n## 1. Tie it\n\nUse both hands.\n",
    "exercises/concept/shoelace/.meta/design.md": (
        "# Design\n\n## Learning objectives\n\n- tie the [knot][k]\n- untie it\n\n## Out of scope\n\n- hitches\n\n"
        "[k]: https://knots.example/\n"
    ),
    "exercises/concept/rescue/.docs/introduction.md": "# Introduction\n\nKing of knots.\n",
    "exercises/concept/rescue/.docs/instructions.md": "# Instructions\n\nSave the sailor.\n",
    "exercises/concept/rescue/.meta/design.md": "## Goal\n\nTo save.\n",
    "exercises/practice/clothes-line/.docs/introduction.md": "# Introduction\n\nIt has rained.\n",
    "exercises/practice/clothes-line/.docs/instructions.md": "# Instructions\n\nHang it up.\n",
    "exercises/practice/clothes-line/.docs/instructions.append.md": "# Instructions append\n\nMind the wind.\n",
    "exercises/practice/clothes-line/.meta/config.json": json.dumps(
        {"source": "A sailor", "source_url": "https://knots.example/line"}
    ),
    "exercises/practice/free-hand/.docs/instructions.md": "# Instructions\n\nTie anything.\n",
}


def config() -> dict[str, Any]:
    """A copy of the track's `config.json`, for a test to change."""
    return copy.deepcopy(CONFIG)


def write_track(
    folder: Path, *, config: object = CONFIG, changes: Mapping[str, str] | None = None, without: str = ""
) -> Path:
    """The track in `folder`: `changes` are further or other files, `without` is a file that is not there."""
    files = {"config.json": json.dumps(config)} | FILES | dict(changes or {})
    for name, text in files.items():
        if name != without:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return folder
