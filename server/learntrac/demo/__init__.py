"""The demo: its course as plain files, and what makes a Trac and some learners of it."""
