"""The API as tutorials write it: synchronous SQLAlchemy models over views, ILIKE and OFFSET.

`uvicorn tests.bench.tutorial_api:app`, with the database's address in TUTORIAL_DATABASE.
"""

import os
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, ClassVar

from fastapi import Depends, FastAPI
from pydantic import BaseModel, ConfigDict
from sqlalchemy import create_engine, func
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

engine = create_engine(os.environ.get("TUTORIAL_DATABASE", "postgresql+psycopg://"))
SessionLocal = sessionmaker(bind=engine)
app = FastAPI()


class Base(DeclarativeBase):
    __table_args__: ClassVar = {"schema": "tutorial"}


class Message(Base):
    __tablename__ = "messages"
    message_pk: Mapped[str] = mapped_column(primary_key=True)
    channel_username: Mapped[str]
    message_id: Mapped[int]
    message_text: Mapped[str | None]
    views_count: Mapped[int]
    forwards_count: Mapped[int]
    replies_count: Mapped[int]
    has_media: Mapped[bool]
    message_date: Mapped[date]
    message_timestamp_utc: Mapped[datetime]


class Detection(Base):
    __tablename__ = "detections"
    yolo_detection_key: Mapped[str] = mapped_column(primary_key=True)
    message_pk: Mapped[str]
    detected_object_class: Mapped[str]


class MessageOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    channel_username: str
    message_id: int
    message_text: str | None
    views_count: int
    message_timestamp_utc: datetime


class ActivityOut(BaseModel):
    activity_date: date
    message_count: int
    total_views: int


class TopProductOut(BaseModel):
    detected_object_class: str
    detection_count: int


def get_db() -> Iterator[Session]:
    with SessionLocal() as session:
        yield session


Database = Annotated[Session, Depends(get_db)]


@app.get("/api/reports/top-products", response_model=list[TopProductOut])
def top_products(db: Database, limit: int = 10) -> Any:
    count = func.count().label("detection_count")
    rows = db.query(Detection.detected_object_class, count)
    rows = rows.filter(Detection.detected_object_class != "person")
    return rows.group_by(Detection.detected_object_class).order_by(count.desc()).limit(limit).all()


@app.get("/api/channels/{channel}/activity", response_model=list[ActivityOut])
def activity(db: Database, channel: str) -> Any:
    day = Message.message_date.label("activity_date")
    rows = db.query(
        day,
        func.count().label("message_count"),
        func.sum(Message.views_count).label("total_views"),
    )
    return rows.filter(Message.channel_username == channel).group_by(day).order_by(day).all()


@app.get("/api/search/messages", response_model=list[MessageOut])
def search(db: Database, query: str, limit: int = 20, offset: int = 0) -> Any:
    rows = db.query(Message).filter(Message.message_text.ilike(f"%{query}%"))
    return rows.order_by(Message.message_timestamp_utc.desc()).offset(offset).limit(limit).all()
