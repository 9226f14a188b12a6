"""How a player's name may be read, and how well two names agree: spellings, initials, transliterations.

A name is read as surname and given names in every order it may have ("Carlsen, Magnus", "Magnus Carlsen",
"Carlsen,M", "Hou Yifan"). Surnames must sound alike and given names agree as far as both are written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final, NamedTuple

MARKED: Final = 0.75
MARKED_INITIAL: Final = 0.85
"""Doubt where one name has a number, as databases give to namesakes: full given names, initials."""
RESPELT: Final = 0.95
RESPELT_INITIAL: Final = 0.85
"""Doubt where surnames only sound alike, with full given names and with initials."""
SURE: Final = 0.95
"""The likeness from which a name is no mere initial, so that namesakes need not be feared."""

_SOUNDS: Final = (
    *(("tsch", "ch"), ("tch", "ch"), ("sch", "sh"), ("zh", "j"), ("kh", "h"), ("ck", "k"), ("ks", "x")),
    *(("ph", "f"), ("th", "t"), ("dj", "j"), ("dzh", "j"), ("cz", "ch"), ("sz", "sh"), ("w", "v")),
    *(("ij", "i"), ("iy", "i"), ("yi", "i"), ("yu", "ju"), ("iu", "ju"), ("ya", "ja"), ("ia", "ja")),
    *(("oe", "o"), ("ae", "a"), ("ue", "u"), ("y", "i"), ("j", "i"), ("q", "k"), ("c", "k"), ("z", "s")),
)
_TITLE: Final = re.compile(r"^(?:GM|IM|FM|CM|NM|WGM|WIM|WFM|WCM|Dr|Prof|Mr|Mrs)\.?\s+")
_LETTERS: Final = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"})


class Reading(NamedTuple):
    """One way to take a name apart; `given` may hold initials, `mark` what told namesakes apart."""

    surname: str
    given: tuple[str, ...]
    country: str = ""
    mark: str = ""
    whole: bool = False
    """Written without a comma, which nobody does who cuts names short."""


@lru_cache(maxsize=200_000)
def plain(text: str) -> str:
    """Returns a text without case, accents and punctuation.

    >>> plain("Müller-Đorđević, J.")
    'muller dordevic j'
    """
    folded = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return " ".join(
        "".join(c if c.isalnum() else " " for c in folded if not unicodedata.combining(c)).split()
    )


@lru_cache(maxsize=200_000)
def sound(word: str) -> str:
    """Returns what transliterations of a word share.

    >>> sound("Kortschnoj") == sound("Korchnoi")
    True
    """
    text = plain(word).replace(" ", "")
    for written, heard in _SOUNDS:
        text = text.replace(written, heard)
    return re.sub(r"(.)\1+", r"\1", text)


@lru_cache(maxsize=200_000)
def readings(name: str) -> tuple[Reading, ...]:
    """Returns the ways in which a name may be read, none for one of several people or for no name.

    >>> readings("Ivanov,AV USA")
    (Reading(surname='Ivanov', given=('A', 'V'), country='USA', mark='', whole=False),)
    >>> [reading.surname for reading in readings("Magnus Carlsen")]
    ['Carlsen', 'Magnus']
    """
    if re.search(r"[:/&+]", name):
        return ()
    if is_handle(name):
        return (Reading(name.strip(), ()),)
    text, country, mark = _without_marks(" ".join(name.split()))
    surname, comma, rest = text.partition(",")
    if comma:
        return (Reading(surname.strip(), _given(rest), country, mark),) if plain(surname) else ()
    words = text.split()
    if len(words) < 2:
        return (Reading(text, (), country, mark),) if words else ()
    ways = [(words[-1], words[:-1]), (words[0], words[1:])]
    if len(words) > 2:
        ways += [(" ".join(words[1:]), words[:1]), (" ".join(words[:-1]), words[-1:])]
    return tuple(Reading(surname, _given(" ".join(given)), country, mark, True) for surname, given in ways)


def is_handle(name: str) -> bool:
    """Tells whether a name is one word, as the names of accounts are.

    >>> is_handle("anna_k-1"), is_handle("Hou Yifan"), is_handle("Carlsen,M")
    (True, False, False)
    """
    return re.fullmatch(r"[\w.-]+", name.strip()) is not None


def _without_marks(text: str) -> tuple[str, str, str]:
    """Splits off a title, a country code and a number: "Ivanov,AV1 RUS" has all but the title."""
    text = _TITLE.sub("", text)
    country = re.search(r"[ (]([A-Z]{3})\)?$", text)
    if country and "," in text[: country.start()] + "," * text.endswith(")"):
        text = text[: country.start()]
    else:
        country = None
    mark = re.search(r"(?<=\D)(\d{1,4})\.?$", text)
    text = text[: mark.start()] if mark else text
    return text.strip(" ."), country[1] if country else "", mark[1] if mark else ""


def _given(text: str) -> tuple[str, ...]:
    """Splits given names, initials written together included: "AV", "IgorV", "J.R."."""
    words = re.findall(r"[^\W\d_]+", text)
    parts: list[str] = []
    for word in words:
        if word.isupper() and len(word) <= 3 and word.isascii():
            parts += list(word)
        else:
            parts += re.findall(r"[^\W_][^\WA-Z_]*", word) or [word]
    return tuple(parts)


def _agree(one: Sequence[str], other: Sequence[str]) -> float:
    """Returns how well given names agree: 1 fully, 0 not at all, lower where initials leave doubt."""
    if not one or not other:
        return 0.3 if one or other else 1.0
    worst = 1.0
    for first, second in zip(one, other, strict=False):
        worst = min(worst, _agree_word(first, second))
    return worst * (0.97 if len(one) != len(other) else 1.0)


def _cut_short(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tells whether one of two given names is the beginning of the other, more than an initial."""
    if len(one) != len(other):
        return True
    for first, second in zip(one, other, strict=True):
        short, long = sorted((plain(first), plain(second)), key=len)
        if 1 < len(short) < len(long) and long.startswith(short):
            return True
    return False


@lru_cache(maxsize=200_000)
def _agree_word(one: str, other: str) -> float:
    short, long = sorted((plain(one), plain(other)), key=len)
    if short == long:
        return 1.0 if len(short) > 1 else 0.92
    if long.startswith(short):
        return 0.9 if len(short) == 1 else 0.95
    if len(short) > 2 and sound(short) == sound(long):
        return 0.95
    if len(short) > 2 and SequenceMatcher(None, sound(short), sound(long)).ratio() >= 0.8:
        return 0.85
    return 0.0


def likeness(one: str, other: str) -> float:
    """Returns how well two names agree as names, from 0 (two people) to 1 (the same, written the same).

    >>> likeness("Carlsen, Magnus", "Magnus Carlsen"), likeness("Polgar, Judit", "Polgar, Sofia")
    (1.0, 0.0)
    """
    pairs = ((a, b) for a in readings(one) for b in readings(other))
    return max((_agree_reading(a, b) for a, b in pairs), default=0.0)


def _letters(text: str) -> str:
    return plain(text.replace("_", " ")).replace(" ", "")


def _agree_reading(one: Reading, other: Reading) -> float:
    if (one.country and other.country and one.country != other.country) or (
        one.mark and other.mark and one.mark != other.mark
    ):
        return 0.0
    if not one.given and not other.given:
        letters = _letters(one.surname)
        return float(letters != "" and letters == _letters(other.surname))
    if one.whole and other.whole and _cut_short(one.given, other.given):
        return 0.0
    same = plain(one.surname) == plain(other.surname)
    if not same and sound(one.surname) != sound(other.surname):
        return 0.0
    agreement = _agree(one.given, other.given)
    if one.mark != other.mark:
        agreement *= MARKED if agreement >= SURE else MARKED_INITIAL
    if same:
        return agreement
    return agreement * (RESPELT if agreement >= SURE else RESPELT_INITIAL)
