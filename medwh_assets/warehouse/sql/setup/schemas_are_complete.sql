-- Was schemas.sql, in its present text, run here, and is all of it still there?
select
    coalesce(obj_description(to_regnamespace('ops'), 'pg_namespace') = %(mark)s, false)
    and to_regnamespace('staging') is not null
    and to_regnamespace('marts') is not null
    and to_regclass('raw.loads') is not null
    and to_regclass('raw.telegram_messages') is not null
    and to_regclass('raw.yolo_detections') is not null
    and to_regclass('raw.post_extractions') is not null
    and to_regclass('raw.channel_facts') is not null
    and to_regclass('ops.build_loads') is not null
    and to_regclass('ops.telegram_sessions') is not null
    and to_regclass('ops.telegram_peers') is not null
    and to_regclass('ops.telegram_rest') is not null
    and to_regclass('ops.channel_status') is not null
    and to_regclass('ops.channel_loads') is not null
    and to_regclass('ops.lake_files') is not null
    and to_regclass('ops.lake_seen') is not null
    and to_regclass('ops.check_results') is not null
    and to_regclass('ops.freshness') is not null
