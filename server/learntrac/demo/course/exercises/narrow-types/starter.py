from typing import Any


def find_tool(tools: list[dict[str, Any]], tool_id: int) -> dict[str, Any] | None:
    return next((tool for tool in tools if tool["id"] == tool_id), None)


def label(tools: list[dict[str, Any]], tool_id: int) -> str:
    tool = find_tool(tools, tool_id)
    return tool["name"] + " (" + tool["category"] + ")"
