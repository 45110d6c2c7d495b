-- People are among those who count, and they among all; somebody is the busiest exactly when an account used something.
select *
from {{ ref('source_coverage') }}
where
    human_events > counted_events
    or counted_events > events
    or (busiest_actor_id is null) <> (busiest_actor_visuals = 0)
