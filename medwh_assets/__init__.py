"""medwh's Dagster code location: from Telegram posts to star schema.

Rooms, from the ground up (imports point down only): plain words (`errors`, `slices`, `settings`,
`ports`), Dagster's addresses (`keys`, `partitions`, `slice_asset`), the `lake` floor, the peer
rooms (`telegram`, `imports`, `detection`, `warehouse`, `dbt`), wiring (`resources`, `automation`),
and `definitions`/`cli` on top. Nothing of the HTTP API lives here: that is `medwh_api`.
"""
