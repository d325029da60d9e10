"""How long a stream of MP3 lasts, frame by frame. Pure. The header's fields: ISO/IEC 11172-3, 2.4.1.3, and 13818-3."""

_BIT_RATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_BIT_RATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_HEADER_BYTES = 4
_ID3_BYTES = 10


class Mp3Length:
    """Told the stream in pieces of any size; what is no frame is passed over."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._left = b""
        self._skip = 0

    def feed(self, data: bytes) -> None:
        """Count the frames that have come whole or in part."""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        data = self._left + data[skipped:]
        at = 0
        while len(data) - at >= _ID3_BYTES:
            size, seconds = _frame_at(data, at)
            self.seconds += seconds
            at += size
        self._left = data[at:]
        self._skip += max(0, at - len(data))

    def finish(self) -> None:
        """Nothing more comes: what was left may be one short frame."""
        at = 0
        while len(self._left) - at >= _HEADER_BYTES:
            size, seconds = _frame_at(self._left.ljust(at + _ID3_BYTES, b"\0"), at)
            self.seconds += seconds
            at += size
        self._left = b""


def _frame_at(data: bytes, at: int) -> tuple[int, float]:
    """Size and seconds of the frame that begins here; one byte of no length where none does."""
    if data[at : at + 3] == b"ID3":
        return _ID3_BYTES + _synchsafe(data[at + 6 : at + 10]), 0.0
    version, layer = data[at + 1] >> 3 & 3, data[at + 1] >> 1 & 3
    if data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0 or layer != 1 or version == 1:
        return 1, 0.0
    bits = (_BIT_RATES_1 if version == 3 else _BIT_RATES_2)[data[at + 2] >> 4]
    rate_index = data[at + 2] >> 2 & 3
    if not bits or rate_index == 3:
        return 1, 0.0
    rate, samples = _RATES[version][rate_index], 1152 if version == 3 else 576
    return samples // 8 * bits * 1000 // rate + (data[at + 2] >> 1 & 1), samples / rate


def _synchsafe(four: bytes) -> int:
    return four[0] << 21 | four[1] << 14 | four[2] << 7 | four[3]
