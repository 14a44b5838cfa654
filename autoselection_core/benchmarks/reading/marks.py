r"""Announcements of an answer in a text: "Answer:", "the answer is", `\boxed{`, "####", in many languages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_OPTIONS = (
    r"(?:opción|opció|opção|option|optie|opzione|alternativa?|choix|choice|keuze|lettre|letter|wahl|vaihtoehto"
    r"|вариант|الخيار|選択肢|选项|選項|선택지)"
)
_RIGHT = (
    r"(?:correct[ae]?|correta|corretta|juste|exacta|bonne|richtige|korrekte|juiste|rätta?|oikea|doğru"
    r"|правильный|верный|الصحيح|正しい|正确|正確|올바른)"
)
_NOUNS = (
    r"(?:(?:\b|(?<=_))answers?\b|\b(?:ans"
    r"|(?:correct|right|best|my|final)[ ](?:option|choice|letter|result|pick)"
    r"|antwort|lösung|réponse|reponse|respuesta|resposta|risposta|antwoord|jawaban|jawabannya|odpowiedź"
    r"|odpověď|cevap|cevabı|yanıt|đáp[ ]án|câu[ ]trả[ ]lời|ответ|відповідь|svaret|svar|vastaus|válasz"
    r"|răspunsul|răspuns|απάντηση)\b"
    rf"|(?<!\w){_RIGHT}[ ]?{_OPTIONS}(?![^\W\d_は])|(?<!\w){_OPTIONS}[ ]{_RIGHT}(?!\w)"
    r"|答案|答え|正解|解答|回答|正确选项|정답|답|الإجابة|الاجابة|الجواب|پاسخ|תשובה|उत्तर|উত্তর|คำตอบ)"
)
_ADJECTIVES = (
    r"(?:[\s*_]{1,4}(?:correct[ae]?|correta|corretta|richtige?|juste|finale?|exacta|poprawna"
    r"|đúng|الصحيحة|here|to[ ](?:this|the)[ ](?:question|problem))\b|ที่ถูกต้อง)?"
)
_GAP = r"[\s*_\"'`]{0,8}+"
_VERBS = (
    r"(?:is|are|was|(?:would|should|must|will|could|might)[ ](?:most[ ]likely[ ])?be|has[ ]to[ ]be|comes[ ]to"
    r"|equals|choice|option|ist|lautet|wäre|est|serait|es|sería|é|è|adalah|to|là|это|je|är|er|on|είναι)"
    r"(?!['\u2019\w])"
)
_JOINED = r"(?:应该是|应为|应选|选择|选|是|为|は|은|는|이|هي|هو|है|คือ)"
_SIGNS = r"(?::|=|->|=>|→|[-\u2013\u2014](?=\s))"
_ADVERBS = (
    r"(?:[\s*_]{1,4}(?:clearly|probably|likely|most[ ]likely|definitely|therefore|thus|then|simply|indeed"
    r"|actually|obviously)\b){0,2}"
)
_MARK = re.compile(
    rf"(?P<announced>{_NOUNS}{_ADJECTIVES}{_GAP}"
    rf"(?:(?:{_VERBS}|{_JOINED}){_ADVERBS}(?:{_GAP}{_SIGNS})?|{_SIGNS})"
    r"|\b(?:cevap|cevabı|đáp[ ]án|उत्तर)(?=[ ]\(?[A-Z](?!\w))|ตอบ(?=[ ]?\(?[A-Z](?!\w))"
    r"|[\"'](?:choice|option|label|prediction|result)[\"']\s{0,4}:"
    r"|<answer>|(?:故选|所以选|因此选|选择|我选)[\s]{0,4}:?|(?<=所以)选|(?<!\w)选(?=[ ]?\(?[A-Z](?!\w)))"
    r"|(?P<boxed>\\f?boxed\s{0,4}\{)"
    r"|(?P<hashes>(?<!\#)\#{4}(?!\#))",
    re.IGNORECASE,
)


class MarkKind(StrEnum):
    """Kind of an announcement of an answer."""

    ANNOUNCED = "announced"
    BOXED = "boxed"
    HASHES = "hashes"


@dataclass(frozen=True)
class Mark:
    """An announcement of an answer.

    Attributes:
        kind: Its kind.
        start: Position where the announcement begins.
        end: Position where the announced value begins.
        until: Position where the next announcement begins, or the text ends.
    """

    kind: MarkKind
    start: int
    end: int
    until: int


def marks(text: str) -> list[Mark]:
    """The announcements of a folded text, in order.

    What two of them announce does not overlap, so reading all of it takes linear time.
    """
    found = list(_MARK.finditer(text))
    starts = [match.start() for match in found[1:]]
    return [
        Mark(MarkKind(str(match.lastgroup)), match.start(), match.end(), until)
        for match, until in zip(found, [*starts, len(text)], strict=False)
    ]


def marks_in(text: str, *kinds: MarkKind) -> Iterator[Mark]:
    """Announcements of some kinds, the last one first: models reason first and answer last."""
    return (mark for mark in reversed(marks(text)) if mark.kind in kinds)
