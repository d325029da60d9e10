"""The process of one box after the other: an interpreter compiled to WASM, a fresh instance of it for each run.

    python -I -m learntrac.backends.sandbox.worker PARENT COMPONENT MEMORY_BYTES

It is begun with an empty environment and three pipes, and builds the second wall before it says that it is ready. It
ends with its parent.
"""

import gc
import sys
from pathlib import Path
from typing import BinaryIO

from wasmtime import Config, Engine, Store, WasiConfig, WasmtimeError
from wasmtime.component import Component, Func, Linker

from learntrac.backends.sandbox import frames, standing

STACK_BYTES = 2 * 1024 * 1024
"""For the calls of the guest; more than wasmtime allows by itself, a fifth of what the process has."""


class Over(Exception):
    """The parent has closed the conversation: the guest is not asked."""


def new_engine() -> Engine:
    """As components are compiled for, and run by: Cranelift, nothing shared between instances."""
    config = Config()
    config.max_wasm_stack = STACK_BYTES  # type: ignore[assignment,unused-ignore] # a property with a setter only
    return Engine(config)


class Boxes:
    """Instances of one component, one at a time, that talk through these pipes."""

    def __init__(self, component: Path, memory_bytes: int, receive: BinaryIO, send: BinaryIO) -> None:
        self._engine = new_engine()
        self._component = Component.deserialize_file(self._engine, str(component))
        self._memory_bytes = memory_bytes
        self._receive, self._send = receive, send
        self._linker = Linker(self._engine)
        self._linker.add_wasip2()
        with self._linker.root() as root:
            root.add_func("exchange", self._exchange)

    def serve(self) -> None:
        """One box after the other, until the parent closes its end."""
        while True:
            self._serve_one()
            gc.collect()

    def _serve_one(self) -> None:
        store = Store(self._engine)
        store.set_wasi(WasiConfig())
        store.set_limits(memory_size=self._memory_bytes)
        instance = self._linker.instantiate(store, self._component)
        function = instance.get_func(store, "serve")
        assert isinstance(function, Func)  # noqa: S101 - box.wit says so
        frames.write(self._send, frames.READY, "")
        ended = ""
        try:
            self._say(function(store, self._order()))
        except Over:
            pass
        except WasmtimeError as error:
            ended = str(error)
        frames.write(self._send, frames.ENDED, ended[-1000:])

    def _order(self) -> str:
        """The first message to a guest. That it is let go of may be meant for one that had ended by itself already."""
        while not (message := frames.read(self._receive)):
            pass
        return message

    def _exchange(self, _store: object, message: str) -> str:
        self._say(message)
        reply = frames.read(self._receive)
        if not reply:
            raise Over
        return reply

    def _say(self, message: object) -> None:
        frames.write(self._send, frames.SAID, str(message))


def main() -> None:
    """Build the wall, then serve."""
    component, memory_bytes = Path(sys.argv[2]), int(sys.argv[3])
    standing.begin(lambda receive, send: Boxes(component, memory_bytes, receive, send).serve)


if __name__ == "__main__":
    main()
