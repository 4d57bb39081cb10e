"""The grammars' own words, all looked for at once: what they mean stands with each list.

A phrase is found where its words stand, whatever stands between them besides letters and digits;
`regist*` finds words that begin so; Amharic is found within words, which carry prefixes and suffixes.
One pass over a line costs less than one regular expression with so many alternatives.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import ahocorasick

from medwh_assets.extraction.normal import key_of

Hits = Mapping[str, tuple[tuple[int, int], ...]]
_NONE: Final[Hits] = {}


def _listed(text: str) -> list[str]:
    return [phrase.strip() for phrase in text.replace("\n", "|").split("|") if phrase.strip()]


# -- What kind of post it is -----------------------------------------------------------------
_KINDS: Final = {
    "vacancy_strong": """
        vacanc* | vaccanc* | vacxancy | job vac* | hiring | job title | job opportunity
        job opening | job position | job description
        we are looking for a | we are looking for an | wanted | ክፍት የሥራ | የሥራ ማስታወቂያ | የሥራ መደብ
        የሥራ ቦታ | ቅጥር
        ሰራተኛ እንፈልጋለን | መቅጠር""",
    "vacancy_weak": """
        apply | applicant* | cv | experience | experiance | salary | deadline | qualification*
        work area | work place
        net pay | gross | per month | position | profession | 0 year | 0 years | degree
        diploma | fresh graduate*
        ደመወዝ | ደሞዝ | ደምወዝ | አመልካች | የሥራ ልምድ | ልምድ | የትምህርት ደረጃ | ተፈላጊ""",
    "training_strong": """
        cpd | ceu | ceus | training | trainings | course | courses | workshop* | seminar*
        webinar* | bootcamp | boot camp
        masterclass | scholarship* | ስልጠና | ኮርስ | ሴሚናር""",
    "training_weak": """
        regist* | certificate* | seat | seats | venue | module* | curriculum | instructor*
        trainer* | online class | enrol*
        beginners | ይመዝገቡ | ምዝገባ | ሰርተፍኬት | ሰርትፍኬት | ሰርተፊኬት | ሰርትፊኬት | ፈቃድ ለማሳደስ | ሰልጣኝ""",
    "education": """
        did you know | symptom* | cause | causes | caused by | treatment | treatments | prevent*
        side effect | side effects
        disease* | infection* | virus* | bacteri* | complication* | diagnos* | tip | tips | fact
        facts | trivia
        misconception* | overdose | starting dose | usual dose | patient with | patients with
        research | studies | study
        should not | should be | health ministry | blood sugar | immune system | ask your
        consult your | what is
        ምልክት | በሽታ | ሕመም | መከላከል | ይከላከል | ሐኪም | ሀኪም | ያማክሩ | ጥናት | ምንድን ነው | መንስኤ | ታካሚ | ጤናማ
        ጎጂ | ይጎዳል
        ይጠቅማል | አወሳሰድ | መውሰድ የለ | አይውሰዱ | ይውሰዱ | መጠን በላይ | ምክር | ጠቃሚ መረጃ""",
    "sale_strong": """
        new arrival* | price | prices | for sale | order now | order your | order from | buy now
        buy your | buy you
        buy from | in stock | out of stock | stock update | are here | now available
        is available | are available
        available now | available item* | get yours | wholesale | retail
        ዋጋ | ይዘዙ | ለማዘዝ | በቅናሽ | ገብቷል | ገብተዋል | አቅርበን | ይዞላችሁ | ለሽያጭ | አዲስ የገባ | ያስመጡ""",
    "sale_weak": """
        available | order | deliver* | discount* | original | brand | imported | inbox | offer*
        sale | box
        አለን | እናደርሳለን | ዴሊቨሪ | ኦሪጅናል | በጅምላ | በችርቻሮ""",
    "not_ours": """
        pharmacy for sale | house for sale | car for sale | shop for sale | shop for rent
        house for rent | for rent
        to be sold | license is available | licence is available | license for rent""",
}  # fmt: skip

# -- Footers ------------------------------------------------------------------------------------
_FOOTERS: Final = {
    "begins_contact": """
        telegram | tele | tg | msg | message us | inbox | dm | contact | call | tel | phone
        mobile | mob | whatsapp | whats app
        imo | viber | tiktok | tik tok | facebook | instagram | youtube | website | web | email
        join | follow | subscribe
        share | like | please follow | please share | our pharmacist | our call center
        our website | our channel
        our telegram | our address | for more info* | for more | for additional info*
        for info* | info | to order
        order at | order by | order via | ስልክ | ይደውሉ | ደውሉ | ለበለጠ መረጃ | ለተጨማሪ መረጃ | ለማዘዝ | ቴሌግራም
        ዌብሳይት | ይቀላቀሉ
        ሼር | ያጋሩ | በስልክ | በቴሌግራም""",
    "address": """
        address | adress | addres | in front of | infront | ground floor | 1 st floor
        2 nd floor | 3 rd floor | 4 th floor
        floor | plaza | mall | next to | beside | opposite | behind the | location | building
        አድራሻ | ፊት ለፊት | አጠገብ | ሕንጻ | ፎቅ | ቅርንጫፍ""",
    "hours": """
        open monday | open every* | open daily | open from | open 24 | we are open | open mon
        working hour* | monday to
        monday sunday | monday saturday | monday friday | monday monday | mon sat | mon sun
        mon fri | until midnight
        24 7 | 24 hours | ከሰኞ | ከጠዋቱ | ከጧቱ | እስከ ምሽቱ | የሥራ ሰዓት | ክፍት ነን""",
    "delivery": """
        deliver* | transport* | shipping | ዴሊቨሪ | ዲሊቨሪ | ደሊቨሪ | ትራንስፖርት | መላኪያ | እናደርሳለን
        እናደርስል | ያሉበት ቦታ | ባሉበት ቦታ""",
}  # fmt: skip

# -- Attributes ---------------------------------------------------------------------------------
_STOCK: Final = {
    "out_of_stock": """
        out of stock | sold out | soldout | finished | not available | unavailable | stock out
        stockout
        አልቋል | አለቀ | ጨርሰናል | ተሸጧል | የለንም""",
    "coming_soon": """
        coming soon | arriving soon | pre order | preorder | soon available | available soon
        coming back | on the way
        በቅርብ ቀን | በቅርቡ""",
    "limited": """
        limited stock | limited quantity | limited amount | limited number | limited | few left
        few pieces | few stock
        last pieces | last stock | ውስን | በቁጥር | ጥቂት ብቻ | ጥቂት ቀር""",
    "new_arrival": """
        new arrival* | new arival* | newly arrived | new arrived | just arrived | just landed
        back in stock | new stock
        restocked | አዲስ የገባ | አዲስ ገባ | ገብቷል | ገብተዋል | ገብቶልናል | ይዘን መጥተናል | አስገብተናል""",
    "available": """
        available | in stock | we have | ready for distribution | ready for sale | አለን | ይገኛል
        ይገኛሉ | አቅርበናል""",
}  # fmt: skip
_FORMS: Final = {
    "eye_drops": """
        eye drop* | ear drop* | eye ear drop* | ophthalmic drop* | የዓይን ጠብታ""",
    "softgel": """
        softgel | softgels | soft gel | soft gels | liqui gel | liqui gels | liquigel | liquigels
        liquid gels""",
    "gummy": "gummy | gummies",
    "effervescent": "effervescent",
    "capsule": "cap | caps | capsule | capsules | ካፕሱል",
    "tablet": """
        tab | tabs | tablet | tablets | caplet | caplets | lozenge | lozenges
        እንክብል | ኪኒን | ክኒን | ታብሌት""",
    "suspension": "sus | susp | suspension",
    "syrup": "syrup | syrups | syr | elixir | linctus | ሽሮፕ | ሲሮፕ",
    "injection": "inj | injection | injections | vial | vials | amp | amps | ampoule | ampoules | መርፌ",
    "suppository": "supp | suppository | suppositories | pessary | pessaries",
    "inhaler": "inhaler | inhalers | rotacap | rotacaps | ኢንሄለር",
    "spray": "spray | ስፕሬይ",
    "drops": "drop | drops | ጠብታ",
    "ointment": "oint | ointment | ቅባት",
    "cream": "cream | creams | crm | cr | ክሬም",
    "gel": "gel | gels | ጄል",
    "lotion": "lotion | ሎሽን",
    "serum": "serum | ሴረም",
    "shampoo": "shampoo | ሻምፑ | ሻምፖ",
    "cleanser": "cleanser | face wash | facial wash | የፊት መታጠቢያ",
    "soap": "soap | ሳሙና",
    "patch": "patch | patches",
    "powder": "powder | ዱቄት | ፓውደር",
    "sachet": "sachet | sachets | ከረጢት",
    "solution": "solution | mouthwash | mouth wash",
    "oil": "oil | ዘይት",
    "liquid": "liquid",
    "strip": "strip | strips | ስትሪፕ",
    "kit": "kit | kits",
}  # fmt: skip

KINDS: Final = tuple(_KINDS)
STOCK: Final = tuple(_STOCK)
FORMS: Final = tuple(_FORMS)


def _automaton(lists: Iterable[tuple[str, str]]) -> Any:
    meanings: dict[str, list[str]] = {}
    for meaning, text in lists:
        for phrase in _listed(text):
            key = key_of(phrase)
            searched = key
            if key.isascii():
                searched = f" {key}" if phrase.endswith("*") else f" {key} "
            meanings.setdefault(searched, []).append(meaning)
    # The package has no types.
    automaton: Any = getattr(ahocorasick, "Automaton")()  # noqa: B009
    for searched, named in meanings.items():
        automaton.add_word(searched, (len(searched), tuple(named)))
    automaton.make_automaton()
    return automaton


_AUTOMATON: Final = _automaton(
    item for lists in (_KINDS, _FOOTERS, _STOCK, _FORMS) for item in lists.items()
)


def look_up(padded: str) -> Hits:
    """Return where words of each meaning stand in a line.

    Args:
        padded: the line's words with a blank before, between and behind them.
    """
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for end, (length, meanings) in _AUTOMATON.iter(padded):
        for meaning in meanings:
            found[meaning] = (*found.get(meaning, ()), (end - length + 1, end))
    return found or _NONE
