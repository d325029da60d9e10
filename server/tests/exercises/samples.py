"""Exercises that tests are about: one of each type, small enough to see through."""

from typing import Any

QUIZ: dict[str, Any] = {
    "id": "verbs",
    "concept": 1,
    "title": "Which verb?",
    "type": "quiz",
    "difficulty": 2.0,
    "points": 10,
    "estimated_minutes": 5,
    "instructions": "Answer from memory.",
    "hints": ["What changes on the server?", "Read about safe methods.", "Safe means: nothing changes."],
    "questions": [
        {
            "kind": "single",
            "prompt": "Which verb only reads?",
            "choices": [
                {"text": "GET", "correct": True, "feedback": "It is safe."},
                {"text": "POST", "feedback": "POST changes things."},
                {"text": "DELETE", "feedback": "That removes it."},
            ],
        },
        {
            "kind": "multiple",
            "prompt": "Which are idempotent?",
            "choices": [
                {"text": "PUT", "correct": True},
                {"text": "DELETE", "correct": True},
                {"text": "POST", "feedback": "Twice makes two."},
            ],
        },
        {"kind": "numeric", "prompt": "The code of Not Found?", "answer": 404, "wrong_feedback": "It begins with 4."},
        {"kind": "text", "prompt": "The header that names a format?", "accept": ["Content-Type"]},
        {"kind": "ordering", "prompt": "Order them.", "items": ["request", "handler", "response"]},
    ],
}

DESIGN: dict[str, Any] = {
    "id": "loans-api",
    "concept": 1,
    "title": "Design a loans API",
    "type": "design",
    "difficulty": 3,
    "points": 20,
    "estimated_minutes": 30,
    "time_limit_minutes": 60,
    "instructions": "Design an API for lending tools.",
    "requirements": ["Name resources", "Say what goes wrong"],
    "starter": "# Loans API\n\nWrite here.\n",
    "solution": "# Loans API\n\n## Endpoints\n\nPOST /loans, GET /loans/{id}\n\n## Errors\n\nLent already: 409.\n",
    "rubric": [
        {
            "name": "Resources",
            "description": "Loans are a resource",
            "weight": 2,
            "checks": [{"heading": "endpoints"}, {"all_of": ["/loans"]}],
        },
        {
            "name": "Errors",
            "description": "What goes wrong has a status code",
            "checks": [{"any_of": ["409", "404"]}],
            "advice": "Say what a client gets when the tool is lent already.",
        },
        {"name": "Clarity", "description": "A stranger could build it"},
    ],
}

CODING: dict[str, Any] = {
    "id": "status-class",
    "concept": 1,
    "title": "The class of a status",
    "type": "coding",
    "difficulty": 2,
    "points": 10,
    "estimated_minutes": 10,
    "instructions": "Write `status_class(code)`, which gives the first digit of a status code.",
    "hints": ["What does 404 // 100 give?", "Integer division drops the rest."],
    "language": "python",
    "function": "status_class",
    "starter": "def status_class(code):\n    ...\n",
    "solution": "def status_class(code):\n    return code // 100\n",
    "cases": [
        {"name": "a success", "args": [200], "expect": 2},
        {"name": "not found", "args": [404], "expect": 4},
        {"name": "the highest", "args": [599], "expect": 5, "hidden": True},
        {"name": "the lowest", "args": [100], "expect": 1, "hidden": True},
    ],
}
