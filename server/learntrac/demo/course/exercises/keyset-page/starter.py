def page(tools, limit, after=None):
    return {"tools": tools[:limit], "next": None}


def walk(tools, limit, change=None):
    """Every page's ids in turn; `change` is (page number, tool to add, id to remove). For the tests: leave it."""
    tools, cursor, pages = list(tools), None, []
    for number in range(1, 20):
        found = page(tools, limit, cursor)
        pages.append([tool["id"] for tool in found["tools"]])
        cursor = found["next"]
        if cursor is None:
            break
        if change and change[0] == number:
            tools = [tool for tool in tools if tool["id"] != change[2]] + ([change[1]] if change[1] else [])
    return pages
