def problem(status, title, detail="", errors=None):
    if not 400 <= status <= 599:
        raise ValueError(f"{status} is no error")
    body = {"type": "about:blank", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = [{"field": field, "message": said} for field, said in sorted(errors.items())]
    return [{"Content-Type": "application/problem+json"}, body]
