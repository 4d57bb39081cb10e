"""Where rows live: PostgreSQL, its life, its schemas, and the way of a slice into `raw`.

The embedded server, connections, set-up, slice loads, the ledger and builds live
here, and nothing outside this room imports psycopg (the API has its own). All SQL stands in `sql/`
with bound values. What a post is, what dbt makes of the rows and what the API serves does not
belong here.
"""
