def allow(size, rate, times):
    return [True for _ in times]
