IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"}


def may_retry(method, headers):
    keys = {name.lower(): value for name, value in headers.items()}
    return method.upper() in IDEMPOTENT or bool(keys.get("idempotency-key"))
