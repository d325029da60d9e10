def problem(status, title, detail="", errors=None):
    return [{}, {"title": title}]
