insert into ops.telegram_photos (photo_id, image_path)
values (%(photo_id)s, %(path)s)
on conflict (photo_id) do update set
    image_path = excluded.image_path,
    noted_at = excluded.noted_at
where telegram_photos.image_path is distinct from excluded.image_path
