"""Which lines are a channel's footer by their words: contact, address, hours, delivery, links.

What is footer by repetition alone is for dbt to see, which knows a channel's other posts.
"""

from medwh_assets.extraction.language import NOT_PROSE
from medwh_assets.extraction.normal import pattern
from medwh_assets.phones import MASK

_CONTACT = pattern(
    r"^\W*(?:telegram|tele\b|tg\b|msg|message us|inbox|dm\b|contact|call\b|call us|tel\b|phone|mobile|mob\b|whats ?app|imo|viber|tik ?tok|facebook|instagram|youtube|website|web\b|email"
    r"|join|follow|subscribe|share|like\b|our (?:pharmacist|call center|website|channel|telegram|address)|for (?:more )?info|for additional info|info\b|to order|order (?:at|by|via)"
    r"|ስልክ|ይደውሉ|ደውሉ|ለበለጠ መረጃ|ለተጨማሪ መረጃ|ለማዘዝ|ቴሌግራም|ዌብሳይት|ይቀላቀሉ|ይቀላቀሉን|ሼር|ያጋሩ|በስልክ|በቴሌግራም)"
)
_ADDRESS = pattern(
    r"add?ress?\b|adress|in ?front of|infront|ground floor|\d(?:st|nd|rd|th) floor|\bfloor\b|\bplaza\b|\bmall\b|next to\b|beside\b|opposite\b|behind the|📍|location\b|building\b"
    r"|አድራሻ|ፊት ለፊት|አጠገብ|ህንጻ|ፎቅ|ሞል\b|ጎን\b|ቅርንጫፍ"
)
_HOURS = pattern(
    r"\bopen\b.{0,40}(?:\d|monday|daily|every ?day|24)|working hours?|monday\W{1,4}|mon\W{1,3}(?:sat|sun|fri)|until midnight|24 ?/ ?7|24 hours|ከሰኞ|ከጠዋቱ|ከጧቱ|እስከ ምሽቱ|የስራ ሰአት|ክፍት ነን"
)
_DELIVERY = pattern(
    r"deliver|transport|shipping|ዴሊቨሪ|ዲሊቨሪ|ደሊቨሪ|ትራንስፖርት|መላኪያ|እናደርሳለን|እናደርስል|ያሉበት ቦታ|ባሉበት ቦታ|[🏍🛵🚚🚛🚐]"
)
_LETTERS_LEFT = pattern(r"[^\W\d_]")


def is_footer(spelt: str, *, offers: bool) -> bool:
    """Say whether a line is footer by its words.

    Args:
        spelt: the line, phone numbers masked.
        offers: whether it names a product, or a price that is none of a delivery.
    """
    if offers:
        return False
    if MASK in spelt or _CONTACT.search(spelt) or _ADDRESS.search(spelt):
        return True
    if _HOURS.search(spelt) or _DELIVERY.search(spelt):
        return True
    # Nothing but links, handles and tags.
    rest = NOT_PROSE.sub("", spelt)
    return rest != spelt and len(_LETTERS_LEFT.findall(rest)) < 4


def speaks_of_delivery(spelt: str) -> bool:
    """Whether a line is about bringing things to people."""
    return _DELIVERY.search(spelt) is not None
