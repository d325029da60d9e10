"""espeak-ng's C interface, as far as we use it: https://github.com/espeak-ng/espeak-ng, `speak_lib.h`."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import espeakng_loader

_SYNCHRONOUS = 2
_UTF8 = 1
_END_PAUSE = 0x1000
_IPA = 0x02
_MOST_VOICES = 1000
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class EspeakVoice(NamedTuple):
    """What a voice is called, and the file that it is, which is what it is asked for by."""

    name: str
    identifier: str


class Espeak:
    """The library, once in a process. It says one thing at a time."""

    def __init__(self) -> None:
        self._library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        self.sample_rate: int = self._library.espeak_Initialize(
            _SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0
        )
        if self.sample_rate <= 0:
            raise OSError("espeak-ng cannot read its data")
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))

    def voices(self) -> dict[str, "EspeakVoice"]:
        """The voice of each language, by its code. Those whose dictionary is not in the package are left out."""
        listed, found = self._library.espeak_ListVoices(None), dict[str, EspeakVoice]()
        for at in range(_MOST_VOICES):
            if not listed[at]:
                break
            one = listed[at].contents
            # A byte of rank stands before each language, a zero after it.
            language, identifier = one.languages[1:].split(b"\0")[0].decode(), one.identifier.decode()
            if _has_dictionary(language):
                found.setdefault(language, EspeakVoice(one.name.decode(), identifier))
        return found

    def set_voice(self, identifier: str) -> None:
        """The voice of all that follows, with a variant as in "gmw/en-US+f2". Raises ValueError for one not there."""
        if self._library.espeak_SetVoiceByName(identifier.encode()) != 0:
            raise ValueError(f"no voice {identifier}")

    def say(self, text: str, on_sound: Callable[[bytes], None]) -> None:
        """Speak; `on_sound` gets 16-bit mono samples as they are made."""

        def take(samples: Any, count: int, _events: Any) -> int:
            if count > 0:
                on_sound(ctypes.string_at(samples, 2 * count))
            return 0

        called = _CALLBACK(take)  # it must live as long as the library may call it
        self._library.espeak_SetSynthCallback(called)
        data = text.replace("\0", " ").encode("utf-8", "replace")
        self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8 | _END_PAUSE, None, None)
        self._library.espeak_Synchronize()

    def ipa(self, word: str) -> str:
        """How the voice pronounces a word."""
        text = ctypes.c_char_p(word.encode())
        said = self._library.espeak_TextToPhonemes(ctypes.byref(text), _UTF8, _IPA)
        return (said or b"").decode()


def _has_dictionary(language: str) -> bool:
    return (Path(espeakng_loader.get_data_path()) / f"{language.partition('-')[0]}_dict").is_file()
