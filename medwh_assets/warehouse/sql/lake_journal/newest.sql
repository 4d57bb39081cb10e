select coalesce(max(seen_id), 0) from ops.lake_seen
