class Db:
    def __init__(self, tables):
        self.tables, self.queries = tables, 0

    def query(self, table, ids=None):
        self.queries += 1
        rows = self.tables[table]
        return [row for row in rows if ids is None or row["id"] in ids]


def list_loans(db):
    found = []
    for loan in db.query("loan"):
        tools = db.query("tool", [loan["tool_id"]])
        found.append({"loan": loan["id"], "tool": tools[0]["name"] if tools else "?"})
    return found


def measure(tables):
    """What the list shows, and whether it took at most two queries; for the tests: leave it."""
    db = Db(tables)
    return [list_loans(db), db.queries <= 2]
