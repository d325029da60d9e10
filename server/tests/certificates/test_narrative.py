"""What a credential says had to be done."""

from learntrac.certificates.credentials import facts, narrative


def test_a_badge_says_its_rule_and_a_certificate_its_evidence() -> None:
    badge = narrative("achievement", score=None, threshold=None, answers=None, rule="Seven days in a row")
    assert badge == "Seven days in a row"
    said = narrative("concept", score=0.914, threshold=0.8, answers=7, rule="")
    assert "7 graded answers" in said
    assert "0.91, at a threshold of 0.80" in said
    assert facts(score=None, threshold=None, answers=None) == ()
    assert facts(score=0.914, threshold=0.8, answers=7) == (
        ("Mastery score", "0.91 of 1"),
        ("Threshold", "0.80"),
        ("Graded answers", "7"),
    )
