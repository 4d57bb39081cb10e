insert into ops.detections_made as kept (image_sha256, model, made_at)
select distinct on (image_sha256, model)
    image_sha256,
    model,
    made_at
from unnest(%(images)s::text[], %(models)s::text[], %(times)s::timestamptz[])
    as made (image_sha256, model, made_at)
order by image_sha256 asc, model asc, made_at desc
on conflict (image_sha256, model) do update set made_at = excluded.made_at
where kept.made_at <> excluded.made_at
