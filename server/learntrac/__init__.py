"""LearnTrac turns any Trac into an adaptive course, behind one HTTP API."""

__version__ = "0.1.0"
