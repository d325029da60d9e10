"""What of an answer was heard."""

from hypothesis import given
from hypothesis import strategies as st

from learntrac.voice.fetching import find_range
from learntrac.voice.playback import Sentence, heard_part

ANSWER = (Sentence("One two three four.", 4.0), Sentence("Five six.", 2.0))


def test_whole_sentences_and_the_share_of_the_last_one() -> None:
    assert heard_part(ANSWER, 0) == ""
    assert heard_part(ANSWER, 2.5) == "One two …"
    assert heard_part(ANSWER, 4.0) == "One two three four."
    assert heard_part(ANSWER, 5.5) == "One two three four. Five …"
    assert heard_part(ANSWER, 60) == "One two three four. Five six."


def test_a_sentence_that_never_got_a_sound_was_not_heard() -> None:
    assert heard_part((Sentence("One two.", 2.0), Sentence("Three.", 0.0)), 60) == "One two."


SAID = st.lists(st.sampled_from(["a", "bb"]), min_size=1).map(" ".join)


@given(st.lists(st.tuples(SAID, st.floats(0, 5)), max_size=5), st.floats(0, 30), st.floats(0, 30))
def test_who_hears_longer_hears_no_less(parts: list[tuple[str, float]], one: float, other: float) -> None:
    sentences = [Sentence(text, seconds) for text, seconds in parts]
    shorter, longer = (heard_part(sentences, seconds).removesuffix(" …") for seconds in sorted((one, other)))
    assert longer.startswith(shorter)


def test_ranges_as_players_ask_for_them() -> None:
    assert find_range("bytes=0-", 100) == (0, 99)
    assert find_range("bytes=10-19", 100) == (10, 19)
    assert find_range("bytes=90-500", 100) == (90, 99)
    assert find_range("bytes=-10", 100) == (90, 99)
    for odd in (None, "", "bytes=-", "bytes=100-", "bytes=9-3", "bytes=0-1,5-6", "chunks=0-1"):
        assert find_range(odd, 100) is None
