COLUMNS = ("name", "category", "condition")


def search(filters):
    known = [name for name in COLUMNS if name in filters]
    where = " WHERE " + " AND ".join(f"{name} = ?" for name in known) if known else ""
    return [f"SELECT id, name FROM tool{where} ORDER BY id", [filters[name] for name in known]]
