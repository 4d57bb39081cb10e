"""What extraction says of one post, as it goes to the warehouse: a row of `raw.post_extractions`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExtractedText:
    """Everything that a text says. The last four are JSON in UTF-8 or keys, free of phone numbers.

    Attributes:
        text_hash: of the whole text, normalised; None where there is no text.
        body_hash: of the text without its footer.
        language: am, en, mixed or none.
        post_kind: sale, education, training, vacancy or other.
        line_numbers: from 1, of the lines that have a letter or digit; the other lines_ run parallel.
        line_hashes: of the normalised lines.
        line_footers: whether a line is footer by its words.
        line_ethiopic: Ethiopic letters of a line.
        line_latin: Latin letters of a line.
        candidates: the lines that say anything, with all that they say.
        offers: the lines that offer something, with what the lines below add.
        vendor_keys: keyed hashes of the phone numbers, each once.
        features: how the kind of post was decided, and what was not looked at.
    """

    text_hash: str | None
    body_hash: str | None
    language: str
    post_kind: str
    line_numbers: tuple[int, ...]
    line_hashes: tuple[int, ...]
    line_footers: tuple[bool, ...]
    line_ethiopic: tuple[int, ...]
    line_latin: tuple[int, ...]
    candidates: bytes
    offers: bytes
    vendor_keys: tuple[str, ...]
    features: bytes


@dataclass(frozen=True, slots=True)
class ExtractedPost:
    """One post's id and what its text says."""

    message_id: int
    text: ExtractedText
