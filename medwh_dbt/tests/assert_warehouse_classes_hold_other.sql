{{ config(meta={'dagster': {'ref': {'name': 'warehouse_classes'}}}) }}

-- What is unknown counts as `other`, which is neither person nor product: it is returned if it is not so.
select count(*) as other_classes
from {{ ref('warehouse_classes') }}
where warehouse_class = 'other' and object_role = 'other'
having count(*) <> 1
