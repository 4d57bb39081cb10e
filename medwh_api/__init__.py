"""The HTTP API: a window on the marts, and nothing else.

Rooms: `settings` (MEDWH_API_*), `database` (the only one that knows psycopg, with `queries`),
`errors` (the one map from exceptions to problem documents), `schemas` (what goes in and out),
`dependencies`, `page` (the report page, as HTML), `routers`, and `main` (the factory) on top.

What must not live here: anything that writes, logic that a mart lacks (it goes into dbt), word
lists (they are dbt seeds), and imports of `medwh_assets`: the two know only the marts in common.
"""
