"""Messages that ask nothing of the course: a greeting, thanks, a nod, a wish for a person. Pure.

Only a message that is nothing else counts: whoever greets and asks is answered what they asked.
"""

import re
from typing import Literal

from learntrac.trac.words import search_terms

Courtesy = Literal["greeting", "thanks", "goodbye", "who", "nod", "person"]

_SAID: dict[Courtesy, str] = {
    "greeting": (
        r"(?:hi|hello|hey|hiya|howdy|yo|greetings|good (?:morning|afternoon|evening|day)"
        r"|hallo|guten (?:tag|morgen|abend)|moin|servus|gruss gott|bonjour|salut|bonsoir|coucou|hola"
        r"|buenos dias|buenas(?: tardes| noches)?|ciao|buongiorno|buonasera|salve|ola|oi|bom dia|boa (?:tarde|noite)"
        r"|hoi|goedemorgen|goedemiddag|goedendag|hej)"
        r"|how are you(?: doing| today)?|how s it going|what s up|wie geht s(?: dir)?|ca va|que tal|come stai"
    ),
    "thanks": (
        r"(?:many )?thanks(?: a lot| so much| very much| again)?|thank you(?: so much| very much| again)?|thx|ty|cheers"
        r"|that (?:helped|helps|was helpful)(?: a lot| me)?"
        r"|(?:vielen )?dank(?:e)?(?: schon| sehr| dir)?|merci(?: beaucoup)?|(?:muchas )?gracias|grazie(?: mille)?"
        r"|obrigad[oa]|dank je(?: wel)?|bedankt"
    ),
    "goodbye": (
        r"(?:good)?bye(?: bye)?|see you(?: later| soon| tomorrow)?|cya|good night|tschuss|auf wiedersehen|au revoir"
        r"|adios|hasta luego|arrivederci|tchau|tot ziens"
    ),
    "who": (
        r"who (?:are|r) (?:you|u)|what are you|what (?:can|do) you do|how do you work|how does this work"
        r"|are you (?:a |an )?(?:real )?(?:bot|chatbot|human|ai|robot|machine|person|real)|help(?: me)?"
        r"|what can i ask(?: you)?|(?:how )?can you help(?: me)?|how can you help(?: me)?"
        r"|wer bist du|was kannst du|qui es tu|qui etes vous|quien eres|chi sei|quem es tu|quem e voce|wie ben je"
    ),
    "nod": (
        r"(?:yes|yep|yeah|yup|sure|ok|okay|k|of course|all ?right|i see|i get it|got it|understood|i understand"
        r"|(?:that )?makes sense|cool|great|nice|good|perfect|fine|right|ah|aha|oh|ja|oui|si|sim|da)"
    ),
    "person": (
        r"(?:(?:i (?:would|d) like to|i want to|i need to|can i|could i|may i|let me|please) )*"
        r"(?:ask|talk to|talk with|speak to|speak with|chat with|get|contact) "
        r"(?:a |an |my |the |some )?(?:real |actual )?"
        r"(?:person|human|someone|somebody|instructor|teacher|people)(?: please)?"
        r"|(?:human|person|instructor|teacher) please|hand (?:it|this|that|(?:my|the) question) over(?: please)?"
    ),
}
_ADDRESSED = r"(?: (?:there|again|tutor|teacher|bot|everyone|all|you|sir|mate|friend|please|then|now|so far))*"
_FORMS = {kind: re.compile(f"(?:{said}){_ADDRESSED}") for kind, said in _SAID.items()}
_MOST_WORDS = 10


def find_courtesy(message: str) -> Courtesy | None:
    """What a message is that asks nothing, or None. Of several ("ok, thanks", "hi, who are you?") the last counts."""
    words = search_terms(message)
    if not words and not message.isascii():
        return "nod"  # a smile, a thumb
    if not words or len(words) > _MOST_WORDS:
        return None
    said, found = " ".join(words), None
    while said:
        kind, rest = _first(said)
        if kind is None:
            return None
        found, said = kind, rest
    return found


def _first(said: str) -> tuple[Courtesy | None, str]:
    """The courtesy that these words begin with, the longest that there is, and what comes after it."""
    best: tuple[Courtesy | None, str] = (None, said)
    for kind, form in _FORMS.items():
        match = form.match(said)
        if match and match[0] and said[match.end() : match.end() + 1] in ("", " "):
            rest = said[match.end() :].lstrip()
            if best[0] is None or len(rest) < len(best[1]):
                best = (kind, rest)
    return best
