"""The report page at `/`: what the warehouse holds, for people who look rather than read.

`filters` reads the address, `report` asks the warehouse, `charts` makes Vega-Lite specifications of
what it said, `rendering` makes HTML of all of it, `scripts` has the charts' library, and `export`
puts a page into one file. Templates, style and script lie beside them.

What must not live here: SQL (`medwh_api.queries`), routes (`medwh_api.routers.page`), and a text from
the warehouse that is marked as safe: templates escape every one.
"""
