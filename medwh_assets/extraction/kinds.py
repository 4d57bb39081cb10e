"""What kind of post it is: something for sale, health education, a training, a vacancy, or other.

Each line votes by its words; lines that are footer do not, because a pharmacy's tip has the footer
of its offers. A vacancy and a training are told by their own words, whatever they cost; then it is
between selling and telling.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from medwh_assets.extraction.normal import pattern

PostKind = Literal["sale", "education", "training", "vacancy", "other"]

_VACANCY_STRONG = pattern(
    r"vacanc|vacxanc|\bhiring\b|job (?:title|opportunity|opening|vacancy|position|description)|we are looking for (?:a |an )?(?:pharmac|nurse|drug|sales|doctor|lab)"
    r"|position\s?[:=]|\bwanted\b|ክፍት የስራ|የስራ ማስታወቂያ|የስራ መደብ|የስራ ቦታ|ቅጥር|ሰራተኛ እንፈልጋለን|መቅጠር"
)
_VACANCY_WEAK = pattern(
    r"\bapply\b|applicant|\bcv\b|exper[ia]{1,2}nce\b|\bsalary\b|deadline|qualification|work (?:area|place)|net pay|gross|per month|year graduate|\b0 years?\b|degree|diploma"
    r"|ደመወዝ|ደሞዝ|ደምወዝ|አመልካች|የስራ ልምድ|ልምድ\s?[:፡፦]|የትምህርት ደረጃ|ተፈላጊ"
)
_TRAINING_STRONG = pattern(
    r"\bcpd\b|\d\s?ceu|\bceu\b|\btrainings?\b|\bcourses?\b|workshop|seminar|webinar|boot ?camp|masterclass|scholarship|ስልጠና|ኮርስ|ሴሚናር"
)
_TRAINING_WEAK = pattern(
    r"\bregist(?:er|ration)|certificate|\bseats?\b|venue|\bmodule|curriculum|instructor|trainer|online class|enrol|ይመዝገቡ|ምዝገባ|ሰርተፍኬት|ሰርትፍኬት|ሰርተፊኬት|ፈቃድ ለማሳደስ|ሰልጣኝ"
)
_EDUCATION = pattern(
    r"did you know|symptoms?\b|causes?\b|\btreatment|prevent|side effects?|diseases?\b|infections?\b|virus|bacteria|complication|diagnos|\btips?\b|\bfacts?\b|trivia|misconception"
    r"|\bdose\b|overdose|patients?\b|research|studies|study\b|should (?:not|be)|health ministry|blood sugar|immune system|ask your|consult your|pharmacist first|what is\b"
    r"|ምልክት|በሽታ|ህመም|መከላከል|ይከላከል|ሃኪም|ሀኪም|ያማክሩ|ጥናት|ምንድን ነው|መንስኤ|ታካሚ|ጤናማ|ጎጂ|ይጠቅማል|አወሳሰድ|መውሰድ የለ|አይውሰዱ|ይውሰዱ|መጠን በላይ|ምክር|ጠቃሚ መረጃ"
)
_SALE_STRONG = pattern(
    r"new\W{0,3}arr?ival|price|for sale|\border (?:now|your|from)|buy (?:now|your|you|from|online)|in stock|stock update|available (?:now|item|in|at|with)|now available|are here\b|wholesale price|retail"
    r"|ዋጋ|ይዘዙ|ለማዘዝ|በቅናሽ|ገብቷል|ገብተዋል|አቅርበን|ይዞላችሁ|ለሽያጭ|አዲስ የገባ|ያስመጡ"
)
_SALE_WEAK = pattern(
    r"\bavailable\b|\border\b|deliver|discount|original\b|brand|imported|inbox|\boffer|\bsale\b|\bbox\b|አለን|እናደርሳለን|ዴሊቨሪ|ኦሪጅናል|ቅናሽ|በጅምላ|በችርቻሮ"
)
_NOT_OURS = pattern(
    r"pharmacy for sale|(?:house|car|shop|license|licence|store) (?:for|is) (?:sale|rent|available)|to be sold|for rent"
)

# One long line of prose tells more than it sells.
_PROSE_LETTERS: Final = 90
_MOST_PER_LINE: Final = 3


@dataclass(frozen=True, slots=True)
class Votes:
    """How much speaks for each kind."""

    sale: int = 0
    education: int = 0
    training: int = 0
    vacancy: int = 0
    not_ours: int = 0


def votes_of(spelt: str, letters: int) -> Votes:
    """Return a line's votes by its words.

    Args:
        spelt: the line.
        letters: how many letters it has.
    """
    return Votes(
        sale=2 * _count(_SALE_STRONG, spelt) + _count(_SALE_WEAK, spelt),
        education=_count(_EDUCATION, spelt) + (letters >= _PROSE_LETTERS),
        training=2 * _count(_TRAINING_STRONG, spelt) + _count(_TRAINING_WEAK, spelt),
        vacancy=3 * _count(_VACANCY_STRONG, spelt) + _count(_VACANCY_WEAK, spelt),
        not_ours=_count(_NOT_OURS, spelt),
    )


def total(votes: Iterable[Votes], *, prices: int, items: int, products: int) -> Votes:
    """Add the lines' votes up, with what was found in them.

    Args:
        votes: of the lines that are no footer.
        prices: how many prices of offers.
        items: how many lines that look like an item of a list.
        products: how many lines that name a product.
    """
    sale = education = training = vacancy = not_ours = 0
    for one in votes:
        sale += one.sale
        education += one.education
        training += one.training
        vacancy += one.vacancy
        not_ours += one.not_ours
    sale += 3 * min(prices, 5) + min(items, 6) + (2 if products and items else 0)
    return Votes(sale, education, training, vacancy, not_ours)


def kind_of(votes: Votes) -> PostKind:
    """Decide on a post's kind."""
    if votes.vacancy >= 3 and votes.vacancy >= votes.training:
        return "vacancy"
    if votes.training >= 4 and 2 * votes.training >= votes.sale:
        return "training"
    if votes.not_ours:
        return "other"
    if votes.sale >= 2 and votes.sale >= votes.education:
        return "sale"
    if votes.education >= 2:
        return "education"
    return "sale" if votes.sale >= 2 else "other"


def _count(words: re.Pattern[str], spelt: str) -> int:
    found = 0
    for _ in words.finditer(spelt):
        found += 1
        if found == _MOST_PER_LINE:
            break
    return found
