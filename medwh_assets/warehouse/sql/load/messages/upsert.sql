-- The incoming table has the columns of the kept one, in the same order: it was made like it.
insert into raw.telegram_messages as kept
select * from incoming_messages -- noqa: AM04
on conflict (channel_username, message_id) do update set
    message_date = excluded.message_date,
    message_data = excluded.message_data,
    text_masked = excluded.text_masked,
    versions_masked = excluded.versions_masked,
    load_id = excluded.load_id,
    loaded_at = excluded.loaded_at
where
    (kept.message_date, kept.message_data, kept.text_masked, kept.versions_masked)
    is distinct from
    (excluded.message_date, excluded.message_data, excluded.text_masked, excluded.versions_masked)
