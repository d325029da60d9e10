"""Pronunciations, from the International Phonetic Alphabet to that of CMU's dictionary. Pure."""

# Every sound of American English as espeak-ng writes it (IPA), and as CMU's dictionary does; longest first.
_SOUNDS = {
    "aɪɚ": "AY ER", "aɪə": "AY AH", "aʊɚ": "AW ER", "iːə": "IY AH", "oːɹ": "AO R", "ɔːɹ": "AO R",
    "tʃ": "CH", "dʒ": "JH", "eɪ": "EY", "aɪ": "AY", "aʊ": "AW", "ɔɪ": "OY", "oʊ": "OW", "əʊ": "OW", "iː": "IY",
    "uː": "UW", "ɑː": "AA", "ɔː": "AO", "ɜː": "ER", "əl": "AH L", "n̩": "AH N",
    "ɪ": "IH", "i": "IY", "ᵻ": "IH", "ɛ": "EH", "e": "EH", "æ": "AE", "a": "AE", "ɑ": "AA", "ɒ": "AA", "ɔ": "AO",
    "o": "OW", "ʊ": "UH", "u": "UW", "ʌ": "AH", "ə": "AH", "ɐ": "AH", "ɚ": "ER", "ɜ": "ER",
    "b": "B", "d": "D", "f": "F", "ɡ": "G", "g": "G", "h": "HH", "j": "Y", "k": "K", "l": "L", "m": "M", "n": "N",
    "ŋ": "NG", "p": "P", "ɹ": "R", "r": "R", "ɾ": "T", "s": "S", "t": "T", "ʔ": "T", "v": "V", "w": "W", "z": "Z",
    "ð": "DH", "θ": "TH", "ʃ": "SH", "ʒ": "ZH", "x": "K",
}  # fmt: skip
_LONGEST_SOUND = max(map(len, _SOUNDS))


def arpabet(ipa: str) -> str:
    """A pronunciation in IPA as CMU's dictionary writes it, without stress; what is no sound is left out."""
    sounds, at = [], 0
    while at < len(ipa):
        size = next((n for n in range(_LONGEST_SOUND, 0, -1) if ipa[at : at + n] in _SOUNDS), 0)
        if size:
            sounds.append(_SOUNDS[ipa[at : at + size]])
        at += size or 1
    return " ".join(sounds)
