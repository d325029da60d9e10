def decide(cache_control, age, etag):
    directives = {}
    for part in cache_control.split(","):
        name, _, value = part.strip().partition("=")
        directives[name.strip().lower()] = value.strip().strip('"')
    if "no-store" in directives:
        return "fetch"
    lifetime = directives.get("max-age", "")
    if "no-cache" not in directives and lifetime.isdigit() and int(lifetime) > age:
        return "use"
    return "revalidate" if etag else "fetch"
