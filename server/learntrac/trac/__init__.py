"""Trac, read but not owned: the only code that knows Trac's tables, and the catalog kept from them."""
