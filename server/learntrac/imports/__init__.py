"""Courses that exist elsewhere, read into `trac/course.py`'s plain values; `trac/author.py` then writes them.

`exercism.read_track` reads an Exercism programming track. Only `track.py` reads the disk; `markdown.py`,
`inline.py`, `wiki_text.py`, `html_text.py`, `outline.py` and `stages.py` are pure. No tables, no events.
"""
