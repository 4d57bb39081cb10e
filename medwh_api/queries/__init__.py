"""The API's questions to the marts: one SQL file each, read once, values always bound.

Numbers are cast to the type that is sent, so that a prepared statement survives a rebuild of the
marts with other types. What must not live here: anything that writes, any schema but marts.
"""

from importlib.resources import files


def _read(name: str) -> bytes:
    return (files(__name__) / f"{name}.sql").read_bytes()


CHECK_MARTS = _read("check_marts")
COUNT_DETECTIONS_BY_CLASS = _read("count_detections_by_class")
COUNT_POSTS_BY_IMAGE_CATEGORY = _read("count_posts_by_image_category")
FIND_CHANNEL = _read("find_channel")
LIST_CHANNELS = _read("list_channels")
SEARCH_MESSAGES = _read("search_messages")
SUM_CHANNEL_ACTIVITY = _read("sum_channel_activity")
