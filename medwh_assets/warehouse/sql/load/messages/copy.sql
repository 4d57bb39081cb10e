copy {target} (
    channel_username, message_id, message_date, message_data, text_masked, versions_masked, load_id
)
from stdin (format binary) -- noqa: PRS
