class Duplicate(Exception):
    pass


class Store:
    """One open loan a tool. `sneak` is somebody who comes between a look and a write."""

    def __init__(self, held, sneak):
        self.held, self.sneak = dict(held), sneak

    def open_loans(self, tool_id):
        holder = self.held.get(str(tool_id))
        if self.sneak:
            self.held.setdefault(str(tool_id), self.sneak)
            self.sneak = None
        return [holder] if holder else []

    def add(self, tool_id, member):
        if str(tool_id) in self.held:
            raise Duplicate(tool_id)
        self.held[str(tool_id)] = member


def lend(store, tool_id, member):
    try:
        store.add(tool_id, member)
    except Duplicate:
        return [409, store.open_loans(tool_id)[0]]
    return [201, member]


def scene(held, sneak, tool_id, member):
    """One request against a store; for the tests: leave it."""
    return lend(Store(held, sneak), tool_id, member)
