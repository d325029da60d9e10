"""The process of one JavaScript box after the other: QuickJS compiled to WASM, with two pipes for a world.

    python -I -m learntrac.backends.sandbox.javascript PARENT MODULE MEMORY_BYTES

The interpreter asks its host for files, clocks and the rest by the calls of WASI. None of wasmtime's answers them:
ours are two, which carry messages, and a clock; whatever else it asks for is not there.
"""

import gc
import struct
import sys
import time
from pathlib import Path
from typing import BinaryIO

from wasmtime import Func, Instance, Linker, Memory, Module, Store, Trap, WasmtimeError

from learntrac.backends.sandbox import frames, standing
from learntrac.backends.sandbox.worker import Over, new_engine

DRIVER = Path(__file__).parent / "guest" / "javascript.js"
_WASI = "wasi_snapshot_preview1"
_DONE, _BAD_DESCRIPTOR, _NO_SUCH_CALL = 0, 8, 52
_STANDARD_INPUT, _STANDARD_OUTPUT, _STANDARD_ERROR = 0, 1, 2


class Boxes:
    """Instances of the interpreter, one at a time, that talk through these pipes."""

    def __init__(self, module: Path, memory_bytes: int, receive: BinaryIO, send: BinaryIO) -> None:
        self._engine = new_engine()
        self._module = Module.deserialize_file(self._engine, str(module))
        self._memory_bytes = memory_bytes
        self._receive, self._send = receive, send
        self._driver = DRIVER.read_bytes()
        self._unread = self._unsent = b""
        self._memory: Memory | None = None
        self._store: Store | None = None

    def serve(self) -> None:
        """One box after the other, until the parent closes its end."""
        while True:
            self._serve_one()
            gc.collect()

    def _serve_one(self) -> None:
        store, instance = self._instance()
        exports = instance.exports(store)
        argv = self._arguments(store, exports["malloc"])
        frames.write(self._send, frames.READY, "")
        ended = ""
        try:
            self._unread, self._unsent = self._line(skip_empty=True), b""
            _function(exports["qjs_init_argv"])(store, 4, argv)
        except Over:
            pass
        except (WasmtimeError, Trap) as error:
            ended = str(error)
        frames.write(self._send, frames.ENDED, ended[-1000:])

    def _instance(self) -> tuple[Store, Instance]:
        store = Store(self._engine)
        store.set_limits(memory_size=self._memory_bytes)
        linker = Linker(self._engine)
        ours = {"fd_write": self._fd_write, "fd_read": self._fd_read, "clock_time_get": self._clock_time_get,
                "fd_fdstat_get": self._fd_fdstat_get, "environ_sizes_get": self._nothing, "environ_get": self._nothing,
                "proc_exit": self._proc_exit}  # fmt: skip
        for needed in self._module.imports:
            name = needed.name or ""
            linker.define(store, _WASI, name, Func(store, needed.type, ours.get(name, _refuse)))  # type: ignore[arg-type]
        instance = linker.instantiate(store, self._module)
        memory = instance.exports(store)["memory"]
        assert isinstance(memory, Memory)  # noqa: S101 - the module says so
        self._store, self._memory = store, memory
        _function(instance.exports(store)["_initialize"])(store)
        return store, instance

    def _arguments(self, store: Store, malloc: object) -> int:
        """`qjs --std -e DRIVER`, as C has it, in the guest's memory."""
        places = []
        for argument in (b"qjs", b"--std", b"-e", self._driver):
            places.append(_function(malloc)(store, len(argument) + 1))
            self._write(places[-1], argument + b"\0")
        argv = int(_function(malloc)(store, 4 * 5))
        self._write(argv, struct.pack("<5I", *places, 0))
        return argv

    # What the guest asks its host for: WASI's calls, with its numbers for what went wrong.

    def _fd_write(self, descriptor: int, vectors: int, count: int, written: int) -> int:
        if descriptor not in (_STANDARD_OUTPUT, _STANDARD_ERROR):
            return _BAD_DESCRIPTOR
        parts = [self._read(place, length) for place, length in self._vectors(vectors, count)]
        content = b"".join(parts)
        self._write(written, struct.pack("<I", len(content)))
        if descriptor == _STANDARD_OUTPUT:
            self._take(content)
        return _DONE

    def _fd_read(self, descriptor: int, vectors: int, count: int, taken: int) -> int:
        if descriptor != _STANDARD_INPUT:
            return _BAD_DESCRIPTOR
        if not self._unread:
            self._unread = self._line()
        total = 0
        for place, length in self._vectors(vectors, count):
            part, self._unread = self._unread[:length], self._unread[length:]
            self._write(place, part)
            total += len(part)
        self._write(taken, struct.pack("<I", total))
        return _DONE

    def _fd_fdstat_get(self, descriptor: int, place: int) -> int:
        if descriptor > _STANDARD_ERROR:
            return _BAD_DESCRIPTOR
        self._write(place, struct.pack("<BxHxxxxQQ", 2, 0, 2**64 - 1, 2**64 - 1))
        return _DONE

    def _clock_time_get(self, clock: int, _precision: int, place: int) -> int:
        now = time.time_ns() if clock == 0 else time.monotonic_ns()
        self._write(place, struct.pack("<Q", now))
        return _DONE

    def _nothing(self, first: int, second: int) -> int:
        self._write(first, bytes(4))
        self._write(second, bytes(4))
        return _DONE

    def _proc_exit(self, _status: int) -> None:
        raise WasmtimeError("the guest ended itself")

    def _take(self, content: bytes) -> None:
        self._unsent += content
        if len(self._unsent) > frames.LONGEST_BYTES:
            raise WasmtimeError("a message of many megabytes")
        *whole, self._unsent = self._unsent.split(b"\n")
        for line in whole:
            frames.write(self._send, frames.SAID, line.decode(errors="replace"))

    def _line(self, *, skip_empty: bool = False) -> bytes:
        message = frames.read(self._receive)
        while skip_empty and not message:
            message = frames.read(self._receive)
        if not message:
            raise Over
        return message.encode() + b"\n"

    # The guest's memory, with whatever numbers it gives for places in it.

    def _vectors(self, place: int, count: int) -> list[tuple[int, int]]:
        if not 0 <= count <= 1024:
            raise WasmtimeError("more parts than anybody writes")
        return list(struct.iter_unpack("<II", self._read(place, 8 * count)))

    def _read(self, place: int, length: int) -> bytes:
        memory, store = self._known()
        start = place & 0xFFFFFFFF
        if start + length > memory.data_len(store):
            raise WasmtimeError("outside of its memory")
        return bytes(memory.read(store, start, start + length))

    def _write(self, place: int, content: bytes) -> None:
        memory, store = self._known()
        start = place & 0xFFFFFFFF
        if start + len(content) > memory.data_len(store):
            raise WasmtimeError("outside of its memory")
        memory.write(store, content, start)

    def _known(self) -> tuple[Memory, Store]:
        if self._memory is None or self._store is None:
            raise WasmtimeError("it has no memory yet")
        return self._memory, self._store


def _function(export: object) -> Func:
    assert isinstance(export, Func)  # noqa: S101 - the module says so
    return export


def _refuse(*_arguments: int) -> int:
    return _NO_SUCH_CALL


def main() -> None:
    """Build the wall, then serve."""
    module, memory_bytes = Path(sys.argv[2]), int(sys.argv[3])
    standing.begin(lambda receive, send: Boxes(module, memory_bytes, receive, send).serve)


if __name__ == "__main__":
    main()
