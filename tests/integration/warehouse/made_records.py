"""Records made for the tests of loading: invented posts and detections of demo channels."""

from datetime import UTC, date, datetime, time, timedelta

from medwh_assets.lake.merge import merge, post_from_reading
from medwh_assets.lake.records import Box, Content, DetectionRecord, Observation, Post
from medwh_assets.slices import Slice

CHANNEL = "demo_selam_pharmacy"
FIRST = date(2025, 3, 1)
SECOND = date(2025, 3, 2)
MODEL = "drawings-1"


def slice_of(day: date = FIRST, channel: str = CHANNEL) -> Slice:
    return Slice(channel, day)


def post(message_id: int, day: date = FIRST, text: str | None = "Amoxicillin 500mg") -> Post:
    moment = datetime.combine(day, time(12), UTC)
    return post_from_reading(
        content=Content(text=text),
        observation=Observation(observed_at=datetime(2025, 4, 1, tzinfo=UTC), views=7),
        source="recorded",
        id=message_id,
        channel=CHANNEL,
        date=moment,
        date_authority="telegram",
    )


def edited(message_id: int, *texts: str | None) -> Post:
    """Make the record of a post that was read with each of these texts, hour after hour."""
    readings = [post(message_id, text=text) for text in texts]
    for hours, reading in enumerate(readings):
        seen = reading.observations[0]
        time_of_read = datetime(2025, 4, 1, tzinfo=UTC) + timedelta(hours=hours)
        readings[hours] = reading.model_copy(
            update={"observations": (seen.model_copy(update={"observed_at": time_of_read}),)}
        )
    return merge(*readings)


def detection(message_id: int, model: str = MODEL) -> DetectionRecord:
    return DetectionRecord(
        message_id=message_id,
        image_sha256="ab" * 32,
        image_path=f"images/{CHANNEL}/{message_id}.jpg",
        image_width=320,
        image_height=240,
        model=model,
        boxes=(Box(detected_class="bottle", confidence=0.75, x=1, y=2, width=30, height=40),),
    )
