from itertools import zip_longest


def check(stored, given, look):
    differing = 0
    for one, other in zip_longest(stored, given, fillvalue=""):
        differing += not look(one, other)
    return differing == 0


def measured(stored, given):
    """The verdict and how often it looked; for the tests: leave it."""
    looks = []

    def look(one, other):
        looks.append((one, other))
        return one == other

    return [check(stored, given, look), len(looks)]
