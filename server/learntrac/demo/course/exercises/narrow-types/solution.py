from typing import Any


def find_tool(tools: list[dict[str, Any]], tool_id: int) -> dict[str, Any] | None:
    return next((tool for tool in tools if tool["id"] == tool_id), None)


def label(tools: list[dict[str, Any]], tool_id: int) -> str:
    tool = find_tool(tools, tool_id)
    if tool is None:
        return "unknown tool"
    name, category = tool["name"], tool.get("category")
    return f"{name} ({category})" if category else str(name)
