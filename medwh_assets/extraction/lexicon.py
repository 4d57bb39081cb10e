"""The grammars' own words, all looked for at once: what they mean stands with each list.

A phrase is found where its words stand, whatever stands between them besides letters and digits;
`regist*` finds words that begin so; Amharic is found within words, which carry prefixes and suffixes.
One pass over a line costs less than one regular expression with so many alternatives.
"""

import re
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

# -- Money --------------------------------------------------------------------------------------
# Without one of the first there is no price in a line, without one of the others it is a price and
# nothing else: what exactly is said is for the grammar of prices, which costs more.
_MONEY: Final = {
    "money": """
        price | prices | prise | prize | pirce | pric | cost | birr | birrs | bir | berr | br
        etb | usd | dollar* | rs
        ብር | ብ | ዋጋ | ዶላር""",
    "other_money": """
        above | over | more than | or more | and more | at least | min | minimum | order
        orders | exceed* | worth | buy for
        spend | off | discount* | cash back | cashback | save | saving | deliver* | transport*
        shipping | shipment
        courier | freight | salary | salaries | gross | net pay | wage* | allowance* | month
        monthly | stipend | regist*
        tuition | course* | training* | consult* | membership | semester | ceu | cpd | exam
        certificate* | seminar*
        workshop* | subscription | fee | fees | charge | was | old price | previous*
        instead of | regular price
        original price | before | win | wins | raffle | lottery | prize | reward* | account*
        loan* | capital | insurance
        donat* | fund | funds | budget | revenue | deposit* | invest* | penalty | fine of
        project* | agreement*
        million | billion | starts | start | starting
        ቅናሽ | ዴሊቨሪ | ዲሊቨሪ | ደሊቨሪ | ዴሊበሪ | ትራንስፖርት | መላኪያ | ማድረሻ | ማጓጓዣ | የማድረስ | ደመወዝ | ደሞዝ
        ደምወዝ | የወር | በወር
        ጥቅማ | ምዝገባ | መመዝገቢያ | መመዝገብያ | ክፍያ | ስልጠና | የምክር | የነበረ | የቀድሞ | የድሮ | በፊት | በላይ | ሽልማት
        ዕጣ | ሂሳብ | ብድር
        በጀት | ካፒታል | መዋጮ | ቅጣት | ሚሊዮን | ሚሊየን | ቢሊዮን""",
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
_EXPIRY: Final = {
    "expiry": """
        exp | expiry | expires | expired | expiration | expiring | best before | use before | ed
        bb | valid until
        expdate | የአገልግሎት | ጊዜው የሚያበቃው""",
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

FORMS: Final = tuple(_FORMS)


# -- Signs --------------------------------------------------------------------------------------
_SIGNS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys("📍", ("address",)),
    **dict.fromkeys("🏍🛵", ("delivery_sign", "other_money")),
    **dict.fromkeys("🚚🚛🚐", ("delivery_sign",)),
    **dict.fromkeys("💵💰💲💸🏷💳🤑", ("money", "money_sign")),
    **dict.fromkeys("⏳⏰🕰📅📆🗓⌛", ("expiry",)),
    **dict.fromkeys("📦", ("quantity",)),
    **dict.fromkeys("⛔", ("limited",)),
    **dict.fromkeys("🆕", ("new_arrival",)),
    **dict.fromkeys("…➡👉🟰", ("money",)),
}
_SIGN: Final = re.compile(f"[{''.join(_SIGNS)}]")


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
    item for lists in (_KINDS, _FOOTERS, _MONEY, _STOCK, _EXPIRY, _FORMS) for item in lists.items()
)


def look_up(padded: str, spelt: str) -> Hits:
    """Return where words of each meaning stand in a line; signs come after all words.

    Args:
        padded: the line's words with a blank before, between and behind them.
        spelt: the line, for its signs.
    """
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for end, (length, meanings) in _AUTOMATON.iter(padded):
        for meaning in meanings:
            found[meaning] = (*found.get(meaning, ()), (end - length + 1, end))
    if not spelt.isascii():
        after = ((len(padded), len(padded)),)
        for sign in _SIGN.findall(spelt):
            for meaning in _SIGNS[sign]:
                found[meaning] = (*found.get(meaning, ()), *after)
    return found or _NONE
