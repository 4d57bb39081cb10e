"""The sample's texts, in English and Amharic: offers, lists, tips, small talk and footers.

All of it is invented. The only telephone numbers are those of `PHONES`; addresses, channels and
links are of things that do not exist.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random

from catalogue import MISSPELT, PRESCRIPTION, Product

# Telephone numbers have the form of Ethiopian mobile numbers, from a block of zeros.
PHONES = {
    "demo_selam_pharmacy": ("0900000011", "0900000012"),
    "demo_tsehay_cosmetics": ("+251 900 000 021", "0900 000 022"),
    "demo_abay_medical": ("+251900000031", "0900 000 032"),
    "demo_fewus_health": ("0900 000 041", "0900000042"),
}

ENGLISH_PRICES = (
    "Price {plain} birr", "Price {plain} birr", "Price: {comma} ETB", "price {plain}br",
    "{plain} birr only", "Price {comma}", "💰 {comma} ETB", "ETB {comma}", "Br {comma}",
    "Price :- {plain} Birr", "Price {comma} birr per pack", "Price ={plain}",
)  # fmt: skip
AMHARIC_PRICES = (
    "ዋጋ {plain} ብር", "ዋጋ {plain} ብር", "ዋጋ፦ {comma} ብር", "ዋጋ፡ {comma} ETB", "💵 {plain} ብር",
    "ዋጋው {comma} ብር ብቻ", "ዋጋ {comma}", "በ{plain} ብር ብቻ",
)  # fmt: skip

TIPS = (
    "💊 አንቲባዮቲክ መድሃኒት ያለ ሐኪም ትዕዛዝ አይውሰዱ። የታዘዘልዎትንም መድሃኒት ሕመሙ ቢቀልልዎት እንኳን እስከ መጨረሻው ይጨርሱ።",
    "🌡 ልጅዎ ትኩሳት ካለው የሰውነቱን ሙቀት በየአራት ሰዓቱ ይለኩ። ከ38.5 ዲግሪ በላይ ከሆነ ወደ ጤና ተቋም ይውሰዱት።",
    "🩸 የደም ግፊትዎን በሳምንት ቢያንስ አንድ ጊዜ ይለኩ። ጨው ይቀንሱ፤ በየቀኑ ቢያንስ ለሠላሳ ደቂቃ ይራመዱ።",
    "☀️ መድሃኒቶችን ከፀሐይ ብርሃን፣ ከሙቀትና ከእርጥበት አርቀው ያስቀምጡ። ሁልጊዜም ሕፃናት በማይደርሱበት ቦታ ይሁን።",
    "💧 ተቅማጥ የያዘው ሰው ብዙ ፈሳሽ መውሰድ አለበት። አንድ ከረጢት ኦ.አር.ኤስ በአንድ ሊትር ንጹህ ውሃ በጥብጠው በ24 ሰዓት ውስጥ ይጠቀሙ።",
    "🤰 ነፍሰ ጡር እናቶች ማንኛውንም መድሃኒት ከመውሰዳቸው በፊት ሐኪም ማማከር አለባቸው።",
    "📅 መድሃኒት ሲገዙ የአገልግሎት ጊዜው ያላለፈበት መሆኑን ያረጋግጡ።",
    "😴 በቂ እንቅልፍ ለጤናዎ እንደ ምግብ አስፈላጊ ነው። አዋቂ ሰው በቀን ከ7 እስከ 8 ሰዓት መተኛት አለበት።",
    "🧼 እጅዎን በሳሙናና በንጹህ ውሃ ቢያንስ ለ20 ሰከንድ ይታጠቡ።",
    "🦷 ጥርስዎን በቀን ሁለት ጊዜ ይቦርሹ፤ ከመተኛትዎ በፊት መቦረሽን አይርሱ።",
    "☕ የአይረን እንክብል ከቡና ወይም ከሻይ ጋር አይውሰዱ፤ ሰውነትዎ አይረኑን በሚገባ እንዳይጠቀም ያደርጋል።",
    "🍊 ቫይታሚን ሲ በብርቱካን፣ በቃሪያና በቲማቲም ውስጥ በብዛት ይገኛል።",
    "👶 ለሕፃናት ሽሮፕ ሲሰጡ ከመድሃኒቱ ጋር የሚመጣውን መለኪያ ይጠቀሙ፤ የቤት ማንኪያ ትክክለኛ መጠን አይለካም።",
    "👁 የዓይን ጠብታ ከተከፈተ ከአንድ ወር በኋላ አይጠቀሙበት።",
    "🚭 ሲጋራ ማጨስ ለልብ፣ ለሳንባና ለደም ሥር ሕመም ያጋልጣል። ዛሬውኑ ያቁሙ።",
    "🥗 የስኳር ሕመም ካለብዎት አትክልት ያብዙ፤ ጣፋጭና የተጣራ ዱቄት ይቀንሱ።",
)

ENGLISH_TIPS = (
    "Did you know? Antibiotics do not help against a cold. Ask your pharmacist first.",
    "Keep your medicines in a dry and cool place, out of reach of children.",
    "Skincare tip: use sunscreen every morning, also on cloudy days.",
    "Always check the expiry date on the pack before you pay.",
    "Measure your blood pressure sitting, after five minutes of rest.",
)

CHATTER = {
    "demo_selam_pharmacy": (
        "Good morning dear customers ☀️ We are open until 9 pm today.",
        "እንደምን አደራችሁ ውድ ደንበኞቻችን! ዛሬም ከጠዋቱ 2:00 ሰዓት ጀምሮ ክፍት ነን።",
        "Which medicine are you looking for? Write it in the comments and we will find it for you.",
        "የፈለጉትን መድሃኒት ስም ወይም የማዘዣውን ፎቶ ይላኩልን፤ መኖሩን ወዲያውኑ እናሳውቅዎታለን።",
    ),
    "demo_tsehay_cosmetics": (
        "New stock is coming this week 😍 Turn on notifications!",
        "Thank you for 5,000 followers 🙏",
        "ለቆዳዎ ዓይነት የሚስማማውን ለማወቅ ይጻፉልን፤ ባለሙያችን ያማክርዎታል።",
        "We do not sell copies. Every product is original, check the barcode ✅",
    ),
    "demo_abay_medical": (
        "We supply clinics and hospitals. Ask for a proforma.",
        "Contact us for the price of examination beds and wheelchairs.",
        "ለጤና ተቋማት በጅምላ እናቀርባለን።",
        "Dear customers, on Sunday we are closed.",
    ),
    "demo_fewus_health": (
        "ጤና ይስጥልን! ዛሬ ስለ ምን እንድንጽፍላችሁ ትፈልጋላችሁ? በአስተያየት መስጫው ላይ ይጻፉልን።",
        "ቻናላችንን ለወዳጅ ዘመድዎ ያጋሩ 🙏",
        "ነገ ጠዋት ስለ ደም ግፊት ጠቃሚ መረጃ ይዘን እንመለሳለን።",
    ),
}

GREETINGS = {
    "2025-03-01": "ረመዳን ሙባረክ! መልካም የጾም ወር ይሁንላችሁ 🌙",
    "2025-03-02": "እንኳን ለ129ኛው የዓድዋ ድል በዓል በሰላም አደረሳችሁ! 💚💛❤️",
    "2025-03-08": "መልካም የሴቶች ቀን! Happy International Women's Day 🌷",
    "2025-03-30": "ኢድ ሙባረክ! እንኳን ለ1446ኛው የኢድ አልፈጥር በዓል በሰላም አደረሳችሁ 🌙",
}

FLYERS = (
    "NEW ARRIVAL\nask at the counter",
    "OPEN EVERY DAY\n8 am - 9 pm",
    "10% OFF\nthis week only",
    "FREE ADVICE\nask your pharmacist",
    "WE DELIVER\nwherever you are",
)

LONG_POST = Path(__file__).with_name("long_post.txt").read_text("utf-8").strip()


def footer(channel: str, day: int) -> str:
    """Return the lines that stand under nearly every offer of a channel on a day of the month."""
    one, two = PHONES[channel]
    if channel == "demo_selam_pharmacy":
        most = 200 if day < 12 else 500
        return (
            "📍 Demo Avenue, beside the Example Building, ground floor\n"
            f"☎️ call {one}/{two}\n"
            "Telegram @demo_selam_pharmacy\n"
            "Open every day 8:00 am - 9:00 pm\xa0| ሁልጊዜ ከጠዋቱ 2:00 እስከ ምሽቱ 3:00 ሰዓት ክፍት ነን\n"
            f"🛵 ያሉበት ድረስ እናደርሳለን፤ የማድረሻ ክፍያ ከ70 - {most} ብር\n"
            f"Delivery fees are from 70 birr - {most} birr depending on distance"
        )
    if channel == "demo_tsehay_cosmetics":
        return (
            "━━━━━━━━━━\n"
            "🛍 To order: @demo_tsehay_cosmetics\n"
            f"📞 {one} or {two}\n"
            "🚚 Delivery 100 birr inside the city, 300 birr to the regions by bus\n"
            "All our products are original ✅"
        )
    if channel == "demo_abay_medical":
        return (
            f"📞 {one} / {two}\n"
            "🏢 አድራሻ፦ ምሳሌ ሕንፃ 2ኛ ፎቅ ቢሮ ቁጥር 204\n"
            "Wholesale and retail | በጅምላና በችርቻሮ\n"
            "Free delivery above 10,000 birr, otherwise 150 birr - 400 birr"
        )
    return (
        f"☎️ ለማዘዝ፦ {one} ወይም {two}\n"
        "🛵 በአዲስ አበባ ውስጥ በ70 ብር፣ ከከተማ ውጭ በ250 ብር እናደርሳለን\n"
        "👉 https://t.me/demo_fewus_health ይቀላቀሉን"
    )


def price_line(rng: Random, price: int, *, amharic: bool) -> str:
    """Spell a price as sellers do."""
    spelling = rng.choice(AMHARIC_PRICES if amharic else ENGLISH_PRICES)
    return spelling.format(plain=price, comma=f"{price:,}")


def offer(rng: Random, product: Product, price: int, *, amharic: bool) -> str:
    """Write an offer of one product, without footer."""
    if rng.random() < 0.08:
        return _both(rng, product, price)
    return _amharic_offer(rng, product, price) if amharic else _english_offer(rng, product, price)


def _english_offer(rng: Random, product: Product, price: int) -> str:
    name, form = spelling_of(rng, product), product.form
    cost = price_line(rng, price, amharic=False)
    expiry = f"{rng.randint(1, 12):02d}/20{rng.randint(26, 28)}"
    before = round(price * rng.uniform(1.1, 1.3), -1)
    shape = rng.randrange(10)
    if shape <= 1:
        text = f"{name} {form}\n{cost}"
    elif shape == 2:
        text = f"NEW ARRIVAL ✨\n{name} {form}\nFor {product.use}\n{cost}"
    elif shape == 3:
        text = f"🔵 {name} {form}\n✅ {product.use.capitalize()}\n{cost}\n⏳ Exp {expiry}"
    elif shape == 4:
        text = f"Now available!\n\n{name} {form}\n\n{cost}"
    elif shape == 5:
        text = f"{name.upper()} {form.upper()}\n{cost}"
    elif shape == 6:
        left = rng.randint(3, 30)
        text = f"Back in stock: {name} {form}\n{cost}\nOnly {left} pieces left, hurry up!"
    elif shape == 7:
        text = f"#{name.split()[0]}\n{name} | {form} | {product.use}\n{cost}"
    elif shape == 8:
        text = (
            f"Special offer until Sunday 🎉\n{name} {form}\nWas {before:,.0f}, now {price:,} birr"
        )
    else:
        text = f"{name}\n{form}\n{cost}\n⛔️ Limited stock"
    if product.name in PRESCRIPTION and rng.random() < 0.4:
        text += "\nPrescription only"
    return text


def _amharic_offer(rng: Random, product: Product, price: int) -> str:
    name, form = product.amharic, product.amharic_form
    cost = price_line(rng, price, amharic=True)
    expiry = f"{rng.randint(1, 12):02d}/20{rng.randint(26, 28)}"
    before = round(price * rng.uniform(1.1, 1.3), -1)
    shape = rng.randrange(8)
    if shape <= 1:
        text = f"{name} {form}\n{cost}"
    elif shape == 2:
        text = f"አዲስ ገብቷል! ✨\n{name} ({product.name}) {form}\n{product.amharic_use}\n{cost}"
    elif shape == 3:
        text = f"{name} {form} በድጋሚ ገብቷል።\n{cost}\nብዛቱ ውስን ስለሆነ ፈጥነው ይዘዙ።"
    elif shape == 4:
        text = f"💊 {name}\n✅ {product.amharic_use}\n📦 {form}\n{cost}\n⏳ የአገልግሎት ማብቂያ፦ {expiry}"
    elif shape == 5:
        text = f"{product.amharic_use} የሚያገለግል {name} በመደብራችን ያገኛሉ።\n{form}\n{cost}"
    elif shape == 6:
        text = (
            f"ቅናሽ! 🎉 {name} {form}\nየቀድሞ ዋጋ {before:,.0f} ብር\nአሁን {price:,} ብር ብቻ\n"
            "ቅናሹ እስከ እሁድ ብቻ ይቆያል።"
        )
    else:
        text = f"ሲፈለግ የቆየው {name} {form} አሁን በእጃችን ይገኛል።\n{cost}"
    if product.name in PRESCRIPTION and rng.random() < 0.4:
        text += "\nበሐኪም ትዕዛዝ ብቻ የሚሸጥ"
    return text


def _both(rng: Random, product: Product, price: int) -> str:
    return (
        f"{product.name} {product.form} / {product.amharic}\n"
        f"{price_line(rng, price, amharic=False)} | {price_line(rng, price, amharic=True)}"
    )


def spelling_of(rng: Random, product: Product) -> str:
    """Return the product's English name, misspelt now and then where sellers misspell it."""
    return MISSPELT.get(product.name, product.name) if rng.random() < 0.15 else product.name


def price_list(rng: Random, offers: Sequence[tuple[Product, int]], *, amharic: bool) -> str:
    """Write a list of several products with their prices, a line each."""
    if amharic:
        lines = [
            f"🔹 {product.amharic} {product.amharic_form} — {price:,} ብር"
            for product, price in offers
        ]
        return "ዛሬ የሚገኙ ምርቶች ዝርዝር\n\n" + "\n".join(lines)
    dash = rng.choice((" — {} birr", " .... {}", ": {} ETB", " {}br"))
    lines = [
        f"🔹 {spelling_of(rng, product)} {product.form}{dash.format(f'{price:,}')}"
        for product, price in offers
    ]
    return (
        rng.choice(("Available today", "Price list of the week", "In stock now"))
        + "\n\n"
        + "\n".join(lines)
    )


def album_caption(rng: Random, offers: Sequence[tuple[Product, int]], *, amharic: bool) -> str:
    """Write the one caption of an album that shows several products."""
    if amharic:
        lines = [
            f"{number}. {product.amharic} {price:,} ብር"
            for number, (product, price) in enumerate(offers, 1)
        ]
        return "አዲስ የገቡ ምርቶች 👆\n" + "\n".join(lines)
    lines = [
        f"{number}) {product.name} {price:,} birr"
        for number, (product, price) in enumerate(offers, 1)
    ]
    return rng.choice(("New arrivals 👆", "All available now")) + "\n" + "\n".join(lines)


def with_zero_width(text: str) -> str:
    """Put characters without width where telephones' keyboards leave them."""
    first, _, rest = text.partition(" ")
    return f"\u200e{first}\u200b {rest}\ufeff".replace("\n", "\u200d\n", 1)
