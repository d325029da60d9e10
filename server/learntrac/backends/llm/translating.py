"""Between LearnTrac's prompts and Pydantic AI's messages."""

import math
import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic_ai.messages import (
    InstructionPart,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.tools import ToolDefinition

from learntrac.backends.llm import Prompt, Shape
from learntrac.backends.llm.failures import Failed

_TOOL = "answer"
_FENCED = re.compile(r"\A```\w*\s*\n(.*?)\n?```\Z", re.DOTALL)
_MOST_PROBLEMS = 5
MOST_DIMENSIONS = 8192
"""Of a vector: more than any model makes."""


def messages_of(prompt: Prompt) -> list[ModelMessage]:
    """The talk so far."""
    return [
        ModelRequest(parts=[UserPromptPart(message.text)])
        if message.role == "user"
        else ModelResponse(parts=[TextPart(message.text)])
        for message in prompt.messages
    ]


def in_words(prompt: Prompt) -> ModelRequestParameters:
    """What to answer by, in words."""
    return ModelRequestParameters(instruction_parts=_instructions(prompt, ""))


def in_form(
    prompt: Prompt, schema: type[BaseModel], how: Literal["native", "tool"], correction: str
) -> ModelRequestParameters:
    """What to answer by, in the form of `schema`; `correction` says what was wrong with the answer before."""
    form, what, instructions = schema.model_json_schema(), schema.__doc__, _instructions(prompt, correction)
    if how == "native":
        answer = OutputObjectDefinition(json_schema=form, name=schema.__name__, description=what)
        return ModelRequestParameters(output_mode="native", output_object=answer, instruction_parts=instructions)
    tool = ToolDefinition(name=_TOOL, parameters_json_schema=form, description=what, kind="output")
    return ModelRequestParameters(
        output_mode="tool", output_tools=[tool], allow_text_output=False, instruction_parts=instructions
    )


def _instructions(prompt: Prompt, correction: str) -> list[InstructionPart]:
    # What changes comes last: providers keep the beginning that is the same.
    turn = "\n\n".join(part for part in (prompt.turn, correction) if part)
    parts = [InstructionPart(prompt.course), InstructionPart(turn, dynamic=True)]
    return [part for part in parts if part.content]


def read_form(response: ModelResponse, schema: type[Shape]) -> Shape:
    """The answer in its form. Raises ValidationError."""
    for part in response.parts:
        if isinstance(part, ToolCallPart):
            if isinstance(part.args, dict):
                return schema.model_validate(part.args)
            return schema.model_validate_json(part.args or "")
    text = (response.text or "").strip()
    fenced = _FENCED.match(text)
    return schema.model_validate_json(fenced[1] if fenced else text)


def correction_of(error: ValidationError) -> str:
    """What to tell the model about an answer that is not of the form."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_PROBLEMS]
    lines = [f"- {'.'.join(map(str, problem['loc'])) or 'the whole'}: {problem['msg']}" for problem in problems]
    return "\n".join(["Your last answer was not of the form that is asked for. Answer again, all of it:", *lines])


def read_vectors(found: Sequence[Sequence[Any]], texts: int) -> tuple[tuple[float, ...], ...]:
    """One vector for each of so many texts. Raises Failed where they are not that."""
    lengths = {len(vector) for vector in found}
    if len(found) != texts or len(lengths) != 1 or not 0 < min(lengths) <= MOST_DIMENSIONS:
        raise Failed("the vectors are not one for each text, all of one length")
    if not all(isinstance(value, float | int) and math.isfinite(value) for vector in found for value in vector):
        raise Failed("the vectors are not of numbers")
    if not all(any(vector) for vector in found):
        raise Failed("a vector has no direction")
    return tuple(tuple(map(float, vector)) for vector in found)


def words_in(event: ModelResponseStreamEvent) -> str:
    """The words that an event of a stream brings."""
    match event:
        case PartStartEvent(part=TextPart(content=words)):
            return words
        case PartDeltaEvent(delta=TextPartDelta(content_delta=words)):
            return words
        case _:
            return ""
