"""What runs in the processes of its own: each engine's half on the other side of the pipes. Never imported by the
server; a file here may crash, hang or leak, and is ended from outside.
"""
