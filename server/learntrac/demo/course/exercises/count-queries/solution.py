class Db:
    def __init__(self, tables):
        self.tables, self.queries = tables, 0

    def query(self, table, ids=None):
        self.queries += 1
        rows = self.tables[table]
        return [row for row in rows if ids is None or row["id"] in ids]


def list_loans(db):
    loans = db.query("loan")
    names = {tool["id"]: tool["name"] for tool in db.query("tool", {loan["tool_id"] for loan in loans})}
    return [{"loan": loan["id"], "tool": names.get(loan["tool_id"], "?")} for loan in loans]


def measure(tables):
    """What the list shows, and whether it took at most two queries; for the tests: leave it."""
    db = Db(tables)
    return [list_loans(db), db.queries <= 2]
