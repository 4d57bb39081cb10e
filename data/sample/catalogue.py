"""What the sample's invented channels sell, and how its pictures show it.

Product names are international non-proprietary names or plain descriptions; makers, prices and
stocks are invented. Prices are in birr at the beginning of the month.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """One product of one channel.

    Attributes:
        name: name in English.
        amharic: name in Amharic.
        form: strength or size in English.
        amharic_form: the same in Amharic.
        use: what it is for, in English.
        amharic_use: the same in Amharic, readable before "የሚያገለግል".
        price: birr.
        looks: what its photos show, one photo a string: classes of things, `person` among them.
    """

    name: str
    amharic: str
    form: str
    amharic_form: str
    use: str
    amharic_use: str
    price: int
    looks: tuple[str, ...]

    @property
    def label(self) -> str:
        """What is printed on the pack."""
        return f"{self.name} {self.form.split(' x ')[0]}"


def _p(*fields: str | int, looks: str) -> Product:
    name, amharic, form, amharic_form, use, amharic_use, price = fields
    return Product(
        str(name), str(amharic), str(form), str(amharic_form), str(use), str(amharic_use),
        int(price), tuple(look.strip() for look in looks.split("|")),
    )  # fmt: skip


PHARMACY = (
    _p("Amoxicillin", "አሞክሳሲሊን", "500mg", "500 ሚ.ግ እንክብል", "bacterial infections",
       "ለባክቴሪያ ኢንፌክሽን", 120, looks="blister | box"),
    _p("Paracetamol", "ፓራሲታሞል", "500mg", "500 ሚ.ግ እንክብል", "headache and fever",
       "ለራስ ምታትና ለትኩሳት", 60, looks="blister"),
    _p("Ibuprofen", "አይቡፕሮፌን", "400mg", "400 ሚ.ግ እንክብል", "pain and swelling",
       "ሕመምና እብጠት ለማስታገስ", 95, looks="blister | box"),
    _p("Azithromycin", "አዚትሮማይሲን", "500mg", "500 ሚ.ግ 3 እንክብል", "chest infections",
       "ለመተንፈሻ አካላት ኢንፌክሽን", 450, looks="box"),
    _p("Omeprazole", "ኦሜፕራዞል", "20mg", "20 ሚ.ግ እንክብል", "stomach acid", "ለጨጓራ ሕመም", 180,
       looks="blister | box"),
    _p("Metformin", "ሜትፎርሚን", "850mg", "850 ሚ.ግ እንክብል", "diabetes", "ለስኳር ሕመም", 240,
       looks="box"),
    _p("Amlodipine", "አምሎዲፒን", "5mg", "5 ሚ.ግ እንክብል", "high blood pressure", "ለደም ግፊት", 210,
       looks="blister"),
    _p("Losartan", "ሎሳርታን", "50mg", "50 ሚ.ግ እንክብል", "high blood pressure", "ለደም ግፊት", 320,
       looks="box"),
    _p("Atorvastatin", "አቶርቫስታቲን", "20mg", "20 ሚ.ግ እንክብል", "cholesterol", "ለኮሌስትሮል", 560,
       looks="box"),
    _p("Cetirizine", "ሴትሪዚን", "10mg", "10 ሚ.ግ እንክብል", "allergy", "ለአለርጂ", 80,
       looks="blister"),
    _p("Ciprofloxacin", "ሲፕሮፍሎክሳሲን", "500mg", "500 ሚ.ግ እንክብል", "infections", "ለኢንፌክሽን", 160,
       looks="blister"),
    _p("Paracetamol syrup", "ፓራሲታሞል ሽሮፕ", "120mg/5ml", "120 ሚ.ግ/5 ሚ.ሊ", "children's fever",
       "ለሕፃናት ትኩሳት", 145, looks="bottle | bottle box"),
    _p("Ambroxol syrup", "አምብሮክሶል ሽሮፕ", "100ml", "100 ሚ.ሊ", "cough", "ለሳል", 190,
       looks="bottle"),
    _p("Diclofenac gel", "ዲክሎፌናክ ጄል", "1% 50g", "1% 50 ግራም", "joint pain", "ለመገጣጠሚያ ሕመም", 280,
       looks="tube"),
    _p("Clotrimazole cream", "ክሎትሪማዞል ክሬም", "1% 20g", "1% 20 ግራም", "fungal skin infections",
       "ለቆዳ ፈንገስ", 150, looks="tube | tube box"),
    _p("Vitamin D3", "ቫይታሚን ዲ3", "1000 IU x 120", "1000 IU 120 ፍሬ", "strong bones", "ለአጥንት ጥንካሬ",
       4500, looks="bottle | bottle"),
    _p("Omega 3", "ኦሜጋ 3", "1000mg x 100", "1000 ሚ.ግ 100 ፍሬ", "heart and brain", "ለልብና ለአእምሮ ጤና",
       5200, looks="bottle | person bottle"),
    _p("Multivitamin", "መልቲቫይታሚን", "150 tablets", "150 እንክብል", "adults", "ለአዋቂዎች", 6500,
       looks="bottle | bottle bottle"),
)  # fmt: skip

COSMETICS = (
    _p("Sunscreen SPF 50", "የፀሐይ መከላከያ SPF 50", "50ml", "50 ሚ.ሊ", "sun protection",
       "ቆዳን ከፀሐይ ጨረር ለመከላከል", 3200, looks="tube | person tube"),
    _p("Niacinamide serum", "ኒያሲናማይድ ሴረም", "10% 30ml", "10% 30 ሚ.ሊ", "spots and oily skin",
       "ለብጉርና ለቅባታማ ቆዳ", 2800, looks="bottle | person bottle"),
    _p("Hyaluronic acid serum", "ሃያሉሮኒክ አሲድ ሴረም", "30ml", "30 ሚ.ሊ", "dry skin", "ለደረቅ ቆዳ", 3000,
       looks="bottle"),
    _p("Salicylic acid cleanser", "ሳሊሲሊክ አሲድ የፊት መታጠቢያ", "236ml", "236 ሚ.ሊ", "acne", "ለብጉር",
       3500, looks="bottle | tube"),
    _p("Vitamin C serum", "ቫይታሚን ሲ ሴረም", "20% 30ml", "20% 30 ሚ.ሊ", "a brighter skin", "ለቆዳ ጥራት",
       2600, looks="bottle box | person bottle"),
    _p("Retinol cream", "ሬቲኖል ክሬም", "0.5% 30g", "0.5% 30 ግራም", "fine lines", "ለቆዳ መሸብሸብ", 3900,
       looks="tube | tube box"),
    _p("Glycerin lotion", "ግሊሰሪን ሎሽን", "400ml", "400 ሚ.ሊ", "the whole body", "ለመላው ሰውነት", 1800,
       looks="bottle"),
    _p("Shea butter cream", "ሺያ በተር ክሬም", "100g", "100 ግራም", "dry hands", "ለደረቅ እጅ", 1500,
       looks="tube | person tube"),
    _p("Zinc oxide baby cream", "ዚንክ ኦክሳይድ የሕፃናት ክሬም", "60g", "60 ግራም", "nappy rash",
       "ለሕፃናት ሽፍታ", 1200, looks="tube"),
    _p("Minoxidil", "ሚኖክሲዲል", "5% 60ml", "5% 60 ሚ.ሊ", "hair loss", "ለፀጉር መነቃቀል", 5500,
       looks="bottle | bottle box | person bottle"),
    _p("Biotin", "ባዮቲን", "10,000 mcg x 120", "10,000 mcg 120 ፍሬ", "hair, skin and nails",
       "ለፀጉር፣ ለቆዳና ለጥፍር", 4200, looks="bottle | person bottle"),
    _p("Collagen peptides", "ኮላጅን", "300g", "300 ግራም", "skin and joints", "ለቆዳና ለመገጣጠሚያ", 12000,
       looks="box | person box"),
    _p("Folic acid", "ፎሊክ አሲድ", "400 mcg", "400 mcg", "mothers to be", "ለነፍሰ ጡር እናቶች", 2400,
       looks="bottle | blister"),
    _p("Prenatal multivitamin", "የነፍሰ ጡር መልቲቫይታሚን", "90 gummies", "90 ፍሬ", "mothers to be",
       "ለነፍሰ ጡር እናቶች", 8000, looks="bottle"),
    _p("Argan hair oil", "የአርጋን የፀጉር ዘይት", "100ml", "100 ሚ.ሊ", "soft hair", "ለፀጉር ልስላሴ", 2100,
       looks="bottle | person bottle"),
)  # fmt: skip

EQUIPMENT = (
    _p("Digital blood pressure monitor", "ዲጂታል የደም ግፊት መለኪያ", "arm type", "በክንድ የሚለካ",
       "blood pressure at home", "የደም ግፊትን በቤት ለመለካት", 4800, looks="box | person box"),
    _p("Glucometer", "የስኳር መለኪያ", "with 25 strips", "ከ25 ስትሪፕ ጋር", "blood sugar at home",
       "የስኳር መጠንን በቤት ለመለካት", 2500, looks="box"),
    _p("Test strips", "የስኳር መለኪያ ስትሪፕ", "50 pcs", "50 ፍሬ", "glucometers", "ለስኳር መለኪያ", 1350,
       looks="box bottle"),
    _p("Nebulizer", "ኔቡላይዘር", "with 3 masks", "ከ3 ማስክ ጋር", "asthma", "ለአስም", 7800, looks="box"),
    _p("Pulse oximeter", "ፐልስ ኦክሲሜትር", "finger type", "በጣት የሚለካ", "oxygen in the blood",
       "የኦክስጅን መጠን ለመለካት", 2200, looks="box"),
    _p("Infrared thermometer", "ኢንፍራሬድ ቴርሞሜትር", "no touch", "ያለ ንክኪ", "fever", "ትኩሳት ለመለካት", 3400,
       looks="box"),
    _p("Surgical gloves", "የቀዶ ሕክምና ጓንት", "50 pairs", "50 ጥንድ", "clinics", "ለጤና ተቋማት", 650,
       looks="box box"),
    _p("Face mask", "የፊት ጭምብል", "50 pcs", "50 ፍሬ", "everybody", "ለሁሉም", 320, looks="box"),
    _p("Ceftriaxone injection", "ሴፍትሪያክሶን መርፌ", "1g", "1 ግራም", "severe infections",
       "ለከባድ ኢንፌክሽን", 180, looks="bottle box"),
    _p("Metronidazole", "ሜትሮኒዳዞል", "250mg", "250 ሚ.ግ እንክብል", "amoebic infections", "ለአሜባ", 70,
       looks="blister"),
    _p("Doxycycline", "ዶክሲሳይክሊን", "100mg", "100 ሚ.ግ እንክብል", "infections", "ለኢንፌክሽን", 110,
       looks="blister | blister box"),
    _p("Albendazole", "አልበንዳዞል", "400mg", "400 ሚ.ግ እንክብል", "worms", "ለሆድ ትላትል", 60,
       looks="blister"),
    _p("Salbutamol inhaler", "ሳልቡታሞል ኢንሄለር", "100 mcg", "100 mcg", "asthma", "ለአስም", 420,
       looks="box"),
    _p("Hand sanitizer", "የእጅ ሳኒታይዘር", "500ml", "500 ሚ.ሊ", "clean hands", "ለእጅ ንጽሕና", 240,
       looks="bottle"),
    _p("Povidone iodine", "ፖቪዶን አዮዲን", "10% 100ml", "10% 100 ሚ.ሊ", "wounds", "ለቁስል", 260,
       looks="bottle | bottle bottle bottle"),
    _p("Hydrocortisone cream", "ሃይድሮኮርቲሶን ክሬም", "1% 15g", "1% 15 ግራም", "itching", "ለማሳከክ", 170,
       looks="tube"),
)  # fmt: skip

HEALTH = (
    _p("Zinc sulphate", "ዚንክ", "20mg", "20 ሚ.ግ እንክብል", "diarrhoea in children", "ለሕፃናት ተቅማጥ", 90,
       looks="blister | person blister"),
    _p("ORS sachets", "ኦ.አር.ኤስ", "10 sachets", "10 ከረጢት", "lost fluids", "ለፈሳሽ እጥረት", 150,
       looks="box"),
    _p("Iron + folic acid", "አይረንና ፎሊክ አሲድ", "60mg", "60 ሚ.ግ እንክብል", "anaemia", "ለደም ማነስ", 130,
       looks="blister"),
    _p("Vitamin C", "ቫይታሚን ሲ", "1000mg", "1000 ሚ.ግ", "the immune system", "በሽታን ለመከላከል", 850,
       looks="bottle | person bottle"),
    _p("Multivitamin syrup", "መልቲቫይታሚን ሽሮፕ", "200ml", "200 ሚ.ሊ", "growing children", "ለሕፃናት እድገት",
       480, looks="bottle | person bottle"),
    _p("Cetirizine syrup", "ሴትሪዚን ሽሮፕ", "60ml", "60 ሚ.ሊ", "allergy", "ለአለርጂ", 165, looks="bottle"),
    _p("Loratadine", "ሎራታዲን", "10mg", "10 ሚ.ግ እንክብል", "allergy", "ለአለርጂ", 95, looks="blister"),
    _p("Calcium + D3", "ካልሲየምና ቫይታሚን ዲ3", "600mg x 100", "600 ሚ.ግ 100 ፍሬ", "bones", "ለአጥንት", 2900,
       looks="bottle | person box"),
    _p("Magnesium citrate", "ማግኒዚየም", "300mg x 90", "300 ሚ.ግ 90 ፍሬ", "muscles", "ለጡንቻ", 3600,
       looks="bottle"),
    _p("Paracetamol", "ፓራሲታሞል", "500mg", "500 ሚ.ግ እንክብል", "fever", "ለትኩሳት", 65, looks="box"),
)  # fmt: skip

# How sellers misspell a few names.
MISSPELT = {
    "Amoxicillin": "Amoxacillin",
    "Paracetamol": "Paracitamol",
    "Azithromycin": "Azitromycin",
    "Ciprofloxacin": "Ciprofloxacine",
    "Diclofenac gel": "Diclofenic gel",
    "Cetirizine": "Cetrizine",
    "Doxycycline": "Doxycyline",
}

PRESCRIPTION = frozenset(
    {
        "Amoxicillin", "Azithromycin", "Ciprofloxacin", "Metformin", "Amlodipine", "Losartan",
        "Atorvastatin", "Ceftriaxone injection", "Metronidazole", "Doxycycline",
        "Salbutamol inhaler",
    }
)  # fmt: skip
