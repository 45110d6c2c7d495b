-- Superset's log knows objects by number, which changes on restore; the uuid stays. An event counts for the uuid
-- its number had when it was read, so history goes on after a restore; one read too late for that counts for what
-- has the number now. Events of numbers that no longer exist remain events of the source, without a visual.
with accesses as (

    select * from {{ ref('stg_superset__accesses') }}

),

dashboards as (

    select * from {{ ref('stg_superset__dashboards') }}

),

charts as (

    select * from {{ ref('stg_superset__charts') }}

),

touched as (

    select
        accesses.source,
        accesses.event_key,
        accesses.accessed_at,
        accesses.actor_id,
        accesses.access_kind,
        'dashboard' as type,
        coalesce(accesses.dashboard_uuid, dashboards.uuid) as native_id,
        true as is_primary,
        accesses.collected_at
    from accesses
    left join dashboards
        on accesses.source = dashboards.source and accesses.dashboard_id = dashboards.dashboard_id
    where accesses.dashboard_id is not null

    union all

    select
        accesses.source,
        accesses.event_key,
        accesses.accessed_at,
        accesses.actor_id,
        accesses.access_kind,
        'chart' as type,
        coalesce(accesses.chart_uuid, charts.uuid) as native_id,
        accesses.dashboard_id is null as is_primary,
        accesses.collected_at
    from accesses
    left join charts
        on accesses.source = charts.source and accesses.chart_id = charts.chart_id
    where accesses.chart_id is not null or accesses.dashboard_id is null

)

select * from touched
