-- The days are counted back from the end of the source's proven history, not from a clock.
with accesses as (

    select * from {{ ref('int_accesses') }}
    where is_human and visual_key is not null and actor_id is not null

),

users as (

    select * from {{ ref('int_users') }}

),

observations as (

    select
        source,
        max(covered_through) as observed_through
    from {{ ref('source_coverage') }}
    group by source

),

recent as (

    select
        accesses.visual_key,
        accesses.source,
        accesses.actor_id as viewer_id,
        accesses.accessed_at
    from accesses
    inner join observations
        on accesses.source = observations.source
    where accesses.accessed_at >= {{ dbt.dateadd('day', -1 * var('viewer_days'), 'observations.observed_through') }}

),

counted as (

    select
        visual_key,
        source,
        viewer_id,
        count(*) as views,
        max(accessed_at) as last_viewed_at
    from recent
    group by visual_key, source, viewer_id

),

ranked as (

    select
        counted.visual_key,
        counted.source,
        counted.viewer_id,
        counted.views,
        counted.last_viewed_at,
        row_number() over (
            partition by counted.visual_key
            order by counted.views desc, counted.last_viewed_at desc, counted.viewer_id asc
        ) as viewer_rank
    from counted
    left join users
        on counted.source = users.source and counted.viewer_id = users.user_id
    where not coalesce(users.is_service_account, false)

)

select * from ranked
where viewer_rank <= {{ var('viewers_kept') }}
