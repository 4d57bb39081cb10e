"""The API's questions to the warehouse: one SQL file each, read once, values always bound.

Numbers are cast to the type that is sent, so that a prepared statement survives a rebuild of the
marts with other types. What must not live here: anything that writes, any schema but marts and ops.
"""

from importlib.resources import files


def _read(name: str) -> bytes:
    return (files(__name__) / f"{name}.sql").read_bytes()


CHECK_MARTS = _read("check_marts")
DESCRIBE_CHANNEL = _read("describe_channel")
DESCRIBE_MESSAGE = _read("describe_message")
DESCRIBE_PRODUCT = _read("describe_product")
FIND_BUILT_CONTENT = _read("find_built_content")
FIND_CHANNEL = _read("find_channel")
FIND_IMAGE = _read("find_image")
LIST_BOXES_OF_IMAGE = _read("list_boxes_of_image")
LIST_CHANNEL_ACTIVITY = _read("list_channel_activity")
LIST_CHANNELS = _read("list_channels")
LIST_CHECK_RESULTS = _read("list_check_results")
LIST_FRESHNESS = _read("list_freshness")
LIST_PRICE_CHANGES = _read("list_price_changes")
LIST_PRICES = _read("list_prices")
LIST_PRODUCTS = _read("list_products")
LIST_VISUAL_CONTENT = _read("list_visual_content")
LIST_VISUAL_ENGAGEMENT = _read("list_visual_engagement")
RANK_DETECTED_CLASSES = _read("rank_detected_classes")
RANK_MENTIONED_PRODUCTS = _read("rank_mentioned_products")
RANK_OFFERED_PRODUCTS = _read("rank_offered_products")
SEARCH_MESSAGES = _read("search_messages")
SEARCH_MESSAGES_OF_PRODUCT = _read("search_messages_of_product")
SUM_TRENDS = _read("sum_trends")
SUM_VOLUME = _read("sum_volume")
