copy {target} (channel_username, message_id, image_date, image_sha256, model, detection_data, load_id)
from stdin (format binary) -- noqa: PRS
