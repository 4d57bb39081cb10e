"""Products of the vocabulary, and what is known of one."""

from datetime import date, datetime

from pydantic import BaseModel, Field


class Product(BaseModel):
    """One product of the vocabulary."""

    product_key: str = Field(description="The product's name in addresses.")
    product_name: str = Field(description="What to call it.")
    category: str = Field(description="What sort of thing it is.")
    aliases: str | None = Field(
        description="Other names by which it is found, separated by comma and blank."
    )
    component_keys: str | None = Field(description="The products that a combination is made of.")
    message_count: int = Field(description="Posts that name it, reposts counted.")
    distinct_message_count: int = Field(description="The same with reposts counted once.")
    offer_count: int = Field(description="Offers, reposts counted.")
    distinct_offer_count: int = Field(description="The same with reposts counted once.")
    priced_offer_count: int = Field(description="Offers that state a price, reposts counted.")
    channel_count: int = Field(description="In how many channels it is named.")
    vendor_count: int = Field(description="How many phone numbers offer it.")
    median_price: float | None = Field(
        description="Median price in birr of its distinct offers of all time; null without a price."
    )
    first_seen_at: datetime | None = Field(description="The oldest post that names it.")
    last_seen_at: datetime | None = Field(description="The newest post that names it.")


class PriceMonth(BaseModel):
    """What a product cost in one month over all channels, in birr."""

    month_start: date = Field(description="The month, by its first day.")
    median_price: float = Field(description="Median over all priced offers, reposts counted.")
    lower_quartile_price: float
    upper_quartile_price: float
    min_price: float
    max_price: float
    distinct_median_price: float = Field(description="Median over distinct offers.")
    offer_count: int = Field(description="Priced offers, reposts counted.")
    distinct_offer_count: int = Field(description="The same with reposts counted once.")
    channel_count: int = Field(description="Channels that state a price of it.")


class OfferLine(BaseModel):
    """What one line of a sale post offers."""

    offer_number: int = Field(description="The offer's place in its post, 1 for the first.")
    offered_as: str = Field(description="As the post writes it.")
    strength: str | None = Field(description="Such as 500 mg; null where not stated.")
    pack_size: str | None = Field(description="Such as 100 ml; null where not stated.")
    dosage_form: str | None = Field(description="Such as tablet; null where not stated.")
    pack: str | None = Field(description="Such as 10x10; null where not stated.")
    price: float | None = Field(description="The price asked, the lower end of a range.")
    price_high: float | None = Field(description="The upper end of a range.")
    currency: str | None = Field(description="ETB or USD; null without a price.")
    price_unit: str | None = Field(description="Such as strip, where the price is not for all.")
    expiry_date: date | None = Field(description="The last day on which it may be used.")
    availability: str | None = Field(description="What the post says of the stock.")
    vendor_pk: str | None = Field(
        description="Who offers it: the keyed hash of the post's first phone number."
    )


class ProductOffer(OfferLine):
    """One offer of a product, and the post that makes it."""

    channel_username: str
    message_id: int
    message_timestamp_utc: datetime


class Vendor(BaseModel):
    """One phone number, as its keyed hash, that offers a product."""

    vendor_pk: str = Field(description="The phone number's keyed hash, never the number.")
    channel_usernames: str = Field(description="Channels whose posts give the number.")
    offer_count: int = Field(description="Offers of this product, reposts counted.")
    distinct_offer_count: int = Field(description="The same with reposts counted once.")
    first_offered_at: datetime
    last_offered_at: datetime


class ProductDetails(Product):
    """One product with its prices, its newest offers and who makes them."""

    price_history: list[PriceMonth] = Field(description="The last 120 months with a price.")
    newest_offers: list[ProductOffer] = Field(description="The 20 newest offers.")
    vendors: list[Vendor] = Field(description="The 20 that offer it most.")
