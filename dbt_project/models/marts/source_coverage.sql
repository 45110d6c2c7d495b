with collections as (

    select * from {{ ref('stg_governance__collections') }}

),

accesses as (

    select * from {{ ref('int_accesses') }}

),

windows as (

    -- A window never crosses midnight; only a window of access history has bounds at all.
    select
        source,
        cast(window_start as date) as day,
        window_start,
        window_end
    from collections
    where status = 'complete' and window_start is not null and window_end > window_start

),

reach as (

    select
        source,
        day,
        window_start,
        window_end,
        max(window_end) over (
            partition by source, day
            order by window_start, window_end
            rows between unbounded preceding and 1 preceding
        ) as covered_before
    from windows

),

stretches as (

    select
        source,
        day,
        window_start,
        window_end,
        sum(case when window_start > covered_before then 1 else 0 end) over (
            partition by source, day
            order by window_start, window_end
            rows between unbounded preceding and current row
        ) as gaps_before
    from reach

),

covered as (

    -- What lies behind a gap is not proven to be all there was that day.
    select
        source,
        day,
        min(window_start) as covered_from,
        max(window_end) as covered_through
    from stretches
    where gaps_before = 0
    group by source, day

),

actor_days as (

    -- An event that touches several visuals is one event, and several visuals used.
    select
        source,
        accessed_on as day,
        actor_id,
        sum(case when is_primary then 1 else 0 end) as events,
        sum(case when is_primary and is_human then 1 else 0 end) as human_events,
        sum(case when is_primary and not is_robot then 1 else 0 end) as counted_events,
        count(distinct case when is_human and actor_id is not null then visual_key end) as visuals
    from accesses
    group by source, accessed_on, actor_id

),

volumes as (

    select
        source,
        day,
        sum(events) as events,
        sum(human_events) as human_events,
        sum(counted_events) as counted_events
    from actor_days
    group by source, day

),

ranked_actors as (

    select
        source,
        day,
        actor_id,
        visuals,
        row_number() over (
            partition by source, day
            order by visuals desc, actor_id asc
        ) as actor_rank
    from actor_days
    where visuals > 0

),

busiest_actors as (

    select * from ranked_actors
    where actor_rank = 1

),

coverage as (

    select
        covered.source,
        covered.day,
        covered.covered_from,
        covered.covered_through,
        cast(coalesce(volumes.events, 0) as {{ dbt.type_bigint() }}) as events,
        cast(coalesce(volumes.human_events, 0) as {{ dbt.type_bigint() }}) as human_events,
        cast(coalesce(volumes.counted_events, 0) as {{ dbt.type_bigint() }}) as counted_events,
        busiest_actors.actor_id as busiest_actor_id,
        cast(coalesce(busiest_actors.visuals, 0) as {{ dbt.type_bigint() }}) as busiest_actor_visuals
    from covered
    left join volumes
        on covered.source = volumes.source and covered.day = volumes.day
    left join busiest_actors
        on covered.source = busiest_actors.source and covered.day = busiest_actors.day

)

select * from coverage
