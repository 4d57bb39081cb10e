insert into raw.channel_facts (
    channel_username, observed_at, observed_date, facts_data, title_masked, about_masked, load_id
)
values (
    %(channel)s, %(observed_at)s, %(date)s, %(facts)s, %(title)s, %(about)s, %(load_id)s
)
