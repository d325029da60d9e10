"""What runs inside a box, beside the submission. Nothing here decides anything: the submission shares the interpreter
and may change every line of it. All it can change is what it answers.

These files are compiled into the WASI component, and the native jail runs them as they are. They import the standard
library and each other only.
"""
