def check(stored, given, look):
    for one, other in zip(stored, given):
        if not look(one, other):
            return False
    return len(stored) == len(given)


def measured(stored, given):
    """The verdict and how often it looked; for the tests: leave it."""
    looks = []

    def look(one, other):
        looks.append((one, other))
        return one == other

    return [check(stored, given, look), len(looks)]
