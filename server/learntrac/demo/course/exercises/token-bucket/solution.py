def allow(size, rate, times):
    tokens, last, passed = float(size), None, []
    for now in times:
        if last is not None:
            tokens = min(size, tokens + rate * (now - last))
        last = now
        may = tokens >= 1
        tokens -= may
        passed.append(bool(may))
    return passed
