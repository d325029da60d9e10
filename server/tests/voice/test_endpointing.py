"""Where speech begins and ends, frame by frame."""

from learntrac.backends.speech.vad import FRAME_SECONDS
from learntrac.voice.endpointing import LONGEST_SECONDS, PAUSE_SECONDS, Endpointing


def changes(endpointing: Endpointing, *runs: tuple[bool, float]) -> list[tuple[str, float]]:
    """What changes, and when in seconds, in runs of speech or none."""
    found: list[tuple[str, float]] = []
    frames = 0
    for is_speech, seconds in runs:
        for _ in range(round(seconds / FRAME_SECONDS)):
            frames += 1
            change = endpointing.take(is_speech=is_speech)
            if change is not None:
                found.append((change, round(frames * FRAME_SECONDS, 2)))
    return found


def test_speech_begins_after_a_moment_and_ends_after_a_pause() -> None:
    assert changes(Endpointing(), (False, 1.0), (True, 2.0), (False, 1.0)) == [
        ("begin", 1.1),
        ("pause", round(3.0 + PAUSE_SECONDS, 2)),
    ]


def test_a_click_is_no_beginning_and_a_breath_no_end() -> None:
    assert changes(Endpointing(), (False, 1.0), (True, 0.08), (False, 1.0)) == []
    assert changes(Endpointing(), (True, 1.0), (False, 0.5), (True, 1.0)) == [("begin", 0.1)]


def test_who_never_ends_is_cut_and_goes_on() -> None:
    found = changes(Endpointing(), (True, 1.5 * LONGEST_SECONDS))

    assert [change for change, _ in found] == ["begin", "cut", "begin"]
    assert LONGEST_SECONDS - 0.5 < found[1][1] <= LONGEST_SECONDS
