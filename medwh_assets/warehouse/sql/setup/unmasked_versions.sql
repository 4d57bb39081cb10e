-- Posts whose versions nobody has masked, with the texts in the record's order.
select
    channel_username,
    message_id,
    array(
        select elements.version ->> 'text'
        from jsonb_array_elements(message_data -> 'versions') with ordinality as elements (version, place)
        order by elements.place
    ) as texts
from raw.telegram_messages
where
    versions_masked is null
    and message_data #>> '{versions, 0}' is not null
