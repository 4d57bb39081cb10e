-- The incoming table has the columns of the kept one, in the same order: it was made like it.
insert into raw.post_extractions as kept
select * from incoming_extractions -- noqa: AM04
on conflict (channel_username, message_id) do update set
    message_date = excluded.message_date,
    extraction_version = excluded.extraction_version,
    text_hash = excluded.text_hash,
    body_hash = excluded.body_hash,
    language = excluded.language,
    post_kind = excluded.post_kind,
    line_numbers = excluded.line_numbers,
    line_hashes = excluded.line_hashes,
    line_footers = excluded.line_footers,
    line_ethiopic = excluded.line_ethiopic,
    line_latin = excluded.line_latin,
    candidates = excluded.candidates,
    offers = excluded.offers,
    vendor_keys = excluded.vendor_keys,
    features = excluded.features,
    load_id = excluded.load_id,
    loaded_at = excluded.loaded_at
where
    (
        kept.message_date,
        kept.extraction_version,
        kept.text_hash,
        kept.body_hash,
        kept.language,
        kept.post_kind,
        kept.line_numbers,
        kept.line_hashes,
        kept.line_footers,
        kept.line_ethiopic,
        kept.line_latin,
        kept.candidates,
        kept.offers,
        kept.vendor_keys,
        kept.features
    )
    is distinct from (
        excluded.message_date,
        excluded.extraction_version,
        excluded.text_hash,
        excluded.body_hash,
        excluded.language,
        excluded.post_kind,
        excluded.line_numbers,
        excluded.line_hashes,
        excluded.line_footers,
        excluded.line_ethiopic,
        excluded.line_latin,
        excluded.candidates,
        excluded.offers,
        excluded.vendor_keys,
        excluded.features
    )
