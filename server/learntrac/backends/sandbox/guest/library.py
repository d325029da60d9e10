"""The standard library, loaded when the component is built: a box finds no file to import anything from."""

import importlib
import sys

_LEFT_OUT = {
    "__main__",
    "_android_support",
    "_apple_support",
    "antigravity",
    "idlelib",
    "lib2to3",
    "test",
    "this",
    "tkinter",
    "turtle",
    "turtledemo",
}
_SUBMODULES = (
    "collections.abc",
    "concurrent.futures",
    "email.message",
    "html.parser",
    "importlib.abc",
    "importlib.util",
    "json.decoder",
    "logging.handlers",
    "os.path",
    "unittest.mock",
    "urllib.parse",
    "xml.dom.minidom",
    "xml.etree.ElementTree",
)


def load() -> None:
    """Import all of it that this interpreter has."""
    names = [name for name in sys.stdlib_module_names if name not in _LEFT_OUT]
    for name in (*sorted(names), *_SUBMODULES):
        try:
            importlib.import_module(name)
        except (ImportError, OSError, AttributeError, RuntimeError):
            continue  # Windows, terminals, threads: not of this interpreter.
