create temporary table if not exists incoming_extractions
(like raw.post_extractions including defaults)
on commit delete rows
