def search(filters):
    parts = [f"{name} = '{value}'" for name, value in filters.items()]
    return ["SELECT id, name FROM tool WHERE " + " AND ".join(parts) + " ORDER BY id", []]
