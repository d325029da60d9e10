def decide(cache_control, age, etag):
    return "fetch"
