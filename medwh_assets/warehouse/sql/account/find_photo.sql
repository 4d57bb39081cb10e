select image_path
from ops.telegram_photos
where photo_id = %(photo_id)s
