"""The kit: what has no business meaning. Clock, errors, database, HTTP edge, paging, idempotent replies."""
