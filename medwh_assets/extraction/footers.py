"""Which lines are a channel's footer by their words: contact, address, hours, delivery, links.

What is footer by repetition alone is for dbt to see, which knows a channel's other posts.
"""

from medwh_assets.extraction.language import NOT_PROSE
from medwh_assets.extraction.lexicon import Hits
from medwh_assets.extraction.normal import pattern
from medwh_assets.phones import MASK

_SIGNS = pattern("[📍🏍🛵🚚🚛🚐]")
_LETTER = pattern(r"[^\W\d_]")
_FEWEST_LETTERS = 4


def is_footer(spelt: str, hits: Hits, *, offers: bool) -> bool:
    """Say whether a line is footer by its words.

    Args:
        spelt: the line, phone numbers masked.
        hits: what the lexicon found in it.
        offers: whether it names a product, or a price that is none of a delivery.
    """
    if offers:
        return False
    if MASK in spelt or "address" in hits or "hours" in hits or "delivery" in hits:
        return True
    if any(start == 0 for start, _ in hits.get("begins_contact", ())) or _SIGNS.search(spelt):
        return True
    # Nothing but links, handles and tags.
    rest = NOT_PROSE.sub("", spelt)
    return rest != spelt and len(_LETTER.findall(rest)) < _FEWEST_LETTERS
