def may_retry(method, headers):
    return method == "GET"
