copy {target} (
    channel_username, message_id, message_date, extraction_version, text_hash, body_hash, language,
    post_kind, line_numbers, line_hashes, line_footers, line_ethiopic, line_latin, candidates, offers,
    vendor_keys, features, load_id
)
from stdin (format binary) -- noqa: PRS
