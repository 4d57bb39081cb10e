-- Ids are given in the order of commits, so that nobody who reads on from an id passes one by.
lock table ops.lake_seen in share row exclusive mode
