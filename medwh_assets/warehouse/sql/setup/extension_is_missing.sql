-- True where the server could have the extension and the database does not.
select coalesce(bool_or(installed_version is null), false)
from pg_available_extensions
where name = 'pg_trgm'
