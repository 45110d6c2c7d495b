-- The last use is no earlier than any use it sums up, has a manner, and a witness was read after what it vouches for.
select *
from {{ ref('visual_last_access') }}
where
    last_used_at < last_viewed_at
    or last_used_at < last_delivered_at
    or (last_used_at is null) <> (last_used_via is null)
    or witnessed_through <= witnessed_from
    or last_viewed_at < witnessed_from
