"""Audit: who signed in, and who saw or changed whose data.

Owns the table `audit_entry`. Announces nothing. It lies below the features, so that each of them can write an entry in
one line; the door that lists the entries is in `privacy`, as it needs to know who asks.
"""
