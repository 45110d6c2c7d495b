{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['visual_key', 'day'],
        on_schema_change='append_new_columns',
    )
}}

{#-
    A whole day of a source is counted again when one of its events arrived since the last build (events come
    late), when the visual was never counted before (its inventory came later than its events), or when the
    source's robots changed. Days whose raw events have been pruned since keep their counts.
-#}
with accesses as (

    select * from {{ ref('int_accesses') }}
    where visual_key is not null

),

robots as (

    select * from {{ ref('int_robots') }}

),

robot_lists as (

    select
        source,
        {{ dbt.hash(dbt.listagg('actor_id', "','", 'order by actor_id')) }} as robots_digest
    from robots
    group by source

),

{% if is_incremental() %}

    counted_before as (

        select
            source,
            max(collected_through) as collected_through,
            max(robots_digest) as robots_digest
        from {{ this }}
        group by source

    ),

    sources as (

        select
            counted_before.source,
            counted_before.collected_through,
            counted_before.robots_digest <> coalesce(robot_lists.robots_digest, '') as has_new_robots
        from counted_before
        left join robot_lists
            on counted_before.source = robot_lists.source

    ),

    touched_days as (

        select distinct
            accesses.source,
            accesses.accessed_on
        from accesses
        inner join sources
            on accesses.source = sources.source
        where accesses.collected_at >= sources.collected_through or sources.has_new_robots

    ),

    known_visuals as (

        select distinct visual_key from {{ this }}

    ),

    to_count as (

        select accesses.*
        from accesses
        left join touched_days
            on accesses.source = touched_days.source and accesses.accessed_on = touched_days.accessed_on
        left join known_visuals
            on accesses.visual_key = known_visuals.visual_key
        where touched_days.source is not null or known_visuals.visual_key is null

    ),

{% else %}

    to_count as (

        select * from accesses

    ),

{% endif %}

counted as (

    select
        visual_key,
        source,
        accessed_on as day,
        sum(case when is_human then 1 else 0 end) as view_count,
        count(distinct case when is_human then actor_id end) as viewer_count,
        sum(case when is_delivery then 1 else 0 end) as delivery_count,
        sum(case when is_robot then 1 else 0 end) as robot_count,
        max(collected_at) as collected_through
    from to_count
    group by visual_key, source, accessed_on

),

usage as (

    select
        counted.visual_key,
        counted.source,
        counted.day,
        cast(counted.view_count as {{ dbt.type_bigint() }}) as view_count,
        counted.viewer_count,
        cast(counted.delivery_count as {{ dbt.type_bigint() }}) as delivery_count,
        cast(counted.robot_count as {{ dbt.type_bigint() }}) as robot_count,
        counted.collected_through,
        coalesce(robot_lists.robots_digest, '') as robots_digest
    from counted
    left join robot_lists
        on counted.source = robot_lists.source

)

select * from usage
