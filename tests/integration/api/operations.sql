insert into ops.builds (status, finished_at, full_refresh, models_sha256, content_sha256)
values ('done', now(), false, 'models', repeat('0', 64));

insert into ops.check_results (
    asset, check_name, passed, severity, is_blocking, description, details, checked_at
) values
('raw/telegram_messages', 'every_slice_is_loaded', true, 'ERROR', true, 'all of them', '{"slices": 5}', '2025-03-09 10:00+00'),
('marts/fct_messages', 'no_orphans', false, 'WARN', false, '=2 orphans', '{"orphans": 2, "first": "addis_drugs"}', '2025-03-09 10:00+00');

insert into ops.channel_deadlines (channel_username, warn_after, fail_after, live_since)
values ('addis_drugs', '24 hours', '48 hours', '2025-03-01 00:00+00');
