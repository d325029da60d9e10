"""Outside systems, each with an embedded twin that small installations run."""
