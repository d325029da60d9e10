"""Questions in another language than the course: told by their small words, which say nothing of a subject. Pure.

The course is quoted as it is. What matters is that the small words of a learner's language are not looked up as if they
were rare terms of the course, and that they are told in their own language what happens.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from learntrac.chat.ranking import STOP_WORDS
from learntrac.trac.words import search_terms

FEWEST = 2
"""Small words that tell a language."""
SPOKEN_FROM, SPOKEN_BY = 0.2, 2
"""A course is in a language when so many of its commonest words are in such a share of the passages."""

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Language:
    """A language by its small words, and what a learner is told in it."""

    code: str
    small: frozenset[str]
    commonest: tuple[str, ...]
    elsewhere: str
    nothing: str


def _language(code: str, commonest: str, small: str, elsewhere: str, nothing: str) -> Language:
    return Language(code, frozenset(f"{commonest} {small}".split()), tuple(commonest.split()), elsewhere, nothing)


LANGUAGES = (
    _language(
        "de",
        "der und nicht ist die das",
        "den dem des ein eine einen einem einer eines sind wie was warum wieso weshalb wann wo wer wen wem "
        "welche welcher welches oder aber kein keine ich du er sie es wir ihr man mir mich dir dich kann "
        "kannst konnen muss soll wird werden wurde hat haben habe hast mit ohne fur von vom zu zum zur im am "
        "auf aus bei nach uber vor zwischen wenn dass ob weil als auch noch nur sehr bitte gibt erklar "
        "erklare erklaren unterschied bedeutet heisst macht machen zeig zeige etwas mehr hier dann brauche "
        "brauchen verstehe",
        "Der Kurs ist in einer anderen Sprache geschrieben; ich zitiere ihn so, wie er ist.",
        "Dazu finde ich im Kurs nichts, und ich erfinde nichts. Frag mich mit den Wörtern des Kurses, in "
        "seiner Sprache, oder gib die Frage an einen Menschen weiter.",
    ),
    _language(
        "fr",
        "les des est une dans pour",
        "le la un du de et ou mais ne pas je tu il elle on nous vous ils elles que qu qui quoi quel quelle "
        "quels comment pourquoi quand ce c cette ces ca cela mon ma mes ton ta tes son sa ses au aux en sur "
        "avec sans par plus moins entre si d l j n s t m y a etre avoir fait faire sont peux peut dois doit "
        "expliquer expliquez explique moi difference signifie sert faut",
        "Le cours est écrit dans une autre langue ; je le cite tel qu'il est.",
        "Je ne trouve rien à ce sujet dans le cours, et je n'invente rien. Demande-moi avec les mots du "
        "cours, dans sa langue, ou transmets ta question à une personne.",
    ),
    _language(
        "es",
        "los las una del para con",
        "el la un lo de y o pero no yo tu el ella nosotros que quien cual cuales como por cuando donde este "
        "esta esto esa eso ese mi mis tu tus su sus al en sobre sin mas menos entre si es son ser esta estan "
        "hay hace hacer puede puedo puedes debo debe explica explicar explicame me te se diferencia significa "
        "sirve",
        "El curso está escrito en otro idioma; lo cito tal como es.",
        "No encuentro nada sobre esto en el curso, y no me invento nada. Pregúntame con las palabras del "
        "curso, en su idioma, o pasa la pregunta a una persona.",
    ),
    _language(
        "it",
        "della che per gli sono una",
        "il lo la i le un di e o ma non io tu lui lei noi voi loro chi cosa cos quale quali come perche "
        "quando dove questo questa quello quella mio mia tuo suo al allo alla ai del dello dei delle nel "
        "nella in su con senza piu meno tra fra se essere ha ho hai fa fare puo posso puoi devo deve spiega "
        "spiegami spiegare mi ti si differenza significa serve c",
        "Il corso è scritto in un'altra lingua; lo cito così com'è.",
        "Nel corso non trovo nulla su questo, e non invento nulla. Chiedimelo con le parole del corso, nella "
        "sua lingua, oppure passa la domanda a una persona.",
    ),
    _language(
        "pt",
        "uma dos para nao com das",
        "o a os as um de do da e ou mas eu tu ele ela nos voce voces que quem qual quais como por porque "
        "quando onde este esta isto isso esse essa meu minha teu seu sua ao aos no na em sobre sem mais menos "
        "entre se sao ser estar ha faz fazer pode posso podes devo deve explica explicar explique me te "
        "diferenca significa serve",
        "O curso está escrito noutra língua; cito-o tal como é.",
        "Não encontro nada sobre isto no curso, e não invento nada. Pergunta-me com as palavras do curso, na "
        "língua dele, ou passa a pergunta a uma pessoa.",
    ),
    _language(
        "nl",
        "het een van zijn niet wordt",
        "de is en of maar ik jij je hij zij we wij jullie dat die dit deze wat wie welke welk hoe waarom "
        "wanneer waar mijn jouw aan op in met zonder voor door over bij naar uit tussen als ook nog meer dan "
        "te om er kan kun kunnen moet zal worden heeft hebben doet doen betekent uitleggen leg verschil",
        "De cursus is in een andere taal geschreven; ik citeer hem zoals hij is.",
        "Daarover vind ik niets in de cursus, en ik verzin niets. Vraag het met de woorden van de cursus, in "
        "zijn taal, of geef de vraag door aan een mens.",
    ),
)


def find_language(message: str) -> Language | None:
    """The language that a message's small words are of, where that is another than English and told clearly."""
    words = Counter(search_terms(_CODE.sub(" ", message)))
    english = sum(count for word, count in words.items() if word in STOP_WORDS)
    hits = [(sum(count for word, count in words.items() if word in one.small), one) for one in LANGUAGES]
    most, best = max(hits, key=lambda hit: hit[0])
    return best if most >= FEWEST and most > english else None


def without_small_words(message: str, language: Language) -> str:
    """What is left of a message that may name a subject. Code stays as it is."""
    parts, at = list[str](), 0
    for code in _CODE.finditer(message):
        parts += [_thinned(message[at : code.start()], language), code[0]]
        at = code.end()
    return "".join([*parts, _thinned(message[at:], language)])


def _thinned(text: str, language: Language) -> str:
    return _WORD.sub(lambda word: "" if "".join(search_terms(word[0])) in language.small else word[0], text)


def is_spoken(language: Language, holding: Mapping[str, float], passages: int) -> bool:
    """Whether a course is in this language. `holding` is {word: passages that hold it}."""
    common = [word for word in language.commonest if holding.get(word, 0) >= SPOKEN_FROM * max(1, passages)]
    return len(common) >= SPOKEN_BY
