"""Pages of a list: `limit` and `offset`, as every list of the API takes them."""

from typing import Annotated

from pydantic import Field

from learntrac.kit.fields import QueryInt

Limit = Annotated[QueryInt, Field(ge=1, le=100, description="How many to return")]
Offset = Annotated[QueryInt, Field(ge=0, le=10_000_000, description="How many to pass over")]
