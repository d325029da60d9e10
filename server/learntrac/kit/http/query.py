"""Query parameters as one Pydantic model, for the reads that everybody waits for.

FastAPI takes such a model as a parameter too, but then looks at the annotations of all its fields again in every
request, which was a third of a list's time (docs/decisions/0007-hot-reads.md).
"""

from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

_Model = TypeVar("_Model", bound=BaseModel)


def read_query(request: Request, model: type[_Model]) -> _Model:
    """What the request asks. Of a parameter that is given twice the last one counts. Raises RequestValidationError."""
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise RequestValidationError(refused_at(error, "query")) from None


def refused_at(error: ValidationError, *place: str) -> list[dict[str, Any]]:
    """The lines of an error as FastAPI tells them of what stands at this place of a request, without what was sent."""
    lines = error.errors(include_url=False, include_input=False, include_context=False)
    return [{**line, "loc": (*place, *line["loc"])} for line in lines]


def describes(model: type[BaseModel], *, may_miss: bool = False) -> dict[str, Any]:
    """The same parameters for the OpenAPI document: `openapi_extra=describes(Model)` at the route.

    `may_miss`: one of them names something that may not be there, which is answered with 404.
    """
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    required = schema.get("required", ())
    return {
        "responses": {"404": {}} if may_miss else {},
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": name in required,
                "schema": found,
                **({"description": found["description"]} if "description" in found else {}),
            }
            for name, found in schema["properties"].items()
        ],
    }
