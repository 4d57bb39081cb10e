select wanted.database_name
from unnest(%(names)s::text[]) as wanted (database_name)
where
    not exists (
        select
        from pg_database
        where pg_database.datname = wanted.database_name
    )
