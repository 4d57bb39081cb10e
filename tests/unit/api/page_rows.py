"""Rows as the warehouse gives them to the report page."""

from copy import deepcopy

from medwh_api import queries
from medwh_api.database import Row

PICTURE = "a" * 64
CHANNEL: Row = {
    "channel_username": "addis_drugs",
    "channel_spelling": "Addis_Drugs",
    "channel_title": "Addis Drugs",
    "message_count": 1234,
    "distinct_message_count": 900,
    "image_count": 800,
    "subscribers_count": None,
    "average_views": 250.4,
    "first_post_at": "2025-03-01T08:00:00+00:00",
    "last_post_at": "2025-03-31T09:00:00+00:00",
}
FRESHNESS: Row = {
    "channel_username": "addis_drugs",
    "is_live": True,
    "status": "late",
    "last_read_at": "2025-03-31T10:00:00+00:00",
}
VOLUME: Row = {
    "period": "day",
    "period_start": "2025-03-01",
    "channel_username": "addis_drugs",
    "place": 1,
    "message_count": 5,
    "new_message_count": 3,
    "image_count": 2,
    "channel_count": 9,
}
RANKED: Row = {
    "product_key": "paracetamol",
    "product_name": "Paracetamol",
    "category": "medicine",
    "offer_count": 30,
    "distinct_offer_count": 20,
    "priced_offer_count": 10,
    "vendor_count": 3,
    "median_price": 110.5,
}
MONTH: Row = {
    "month_start": "2025-03-01",
    "median_price": 110.5,
    "lower_quartile_price": 100,
    "upper_quartile_price": 1250,
    "min_price": 90,
    "max_price": 1400,
    "distinct_median_price": 110,
    "offer_count": 12,
    "distinct_offer_count": 7,
    "channel_count": 2,
}
PRODUCT: Row = RANKED | {
    "first_seen_at": "2025-02-01T08:00:00+00:00",
    "last_seen_at": "2025-03-05T10:00:00+00:00",
    "price_history": [MONTH | {"month_start": "2025-02-01", "median_price": 95}, MONTH],
}
PRICE: Row = MONTH | {"channel_username": "addis_drugs", "product_name": "Paracetamol"}
CATEGORY: Row = {
    "channel_username": "addis_drugs",
    "image_category": "promotional",
    "message_count": 40,
    "new_message_count": 30,
    "share": 0.25,
    "average_views": 300.0,
    "views_ratio": 1.2,
    "example_image_sha256": PICTURE,
}
ENGAGEMENT: Row = {
    "image_category": "promotional",
    "measure": "views",
    "message_count": 40,
    "median_ratio": 1.31,
    "ratio_low": 1.1,
    "ratio_high": 1.4,
}
POST: Row = {
    "message_pk": "m1",
    "channel_username": "addis_drugs",
    "message_id": 77,
    "message_timestamp_utc": "2025-03-01T08:00:00+00:00",
    "message_text": "We have Paracetamol 500 mg today",
    "views_count": 4321,
    "has_counters": True,
    "has_image": True,
    "is_repost": False,
}


def answers() -> dict[bytes, list[Row]]:
    """Return what each of the page's queries answers."""
    rows: dict[bytes, list[Row]] = {
        queries.FIND_CHANNEL: [{"known": 1}],
        queries.LIST_CHANNELS: [CHANNEL],
        queries.LIST_FRESHNESS: [FRESHNESS],
        queries.LIST_PRODUCTS: [PRODUCT],
        queries.SUM_VOLUME: [
            VOLUME,
            VOLUME | {"channel_username": None, "place": 8, "message_count": 2},
            VOLUME | {"period_start": "2025-03-03", "message_count": 4},
        ],
        queries.RANK_OFFERED_PRODUCTS: [RANKED],
        queries.DESCRIBE_PRODUCT: [PRODUCT],
        queries.LIST_PRICES: [PRICE, PRICE | {"month_start": "2025-02-01"}],
        queries.LIST_VISUAL_CONTENT: [CATEGORY],
        queries.LIST_VISUAL_ENGAGEMENT: [ENGAGEMENT, ENGAGEMENT | {"measure": "views_7d"}],
        queries.SEARCH_MESSAGES: [POST],
    }
    # Tests change their own.
    return deepcopy(rows)
