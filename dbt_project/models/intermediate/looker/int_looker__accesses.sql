-- A look that runs inside a dashboard is a use of both; the event itself is counted once, with the dashboard.
with accesses as (

    select * from {{ ref('stg_looker__accesses') }}

),

touched as (

    select
        source,
        event_key,
        accessed_at,
        actor_id,
        access_kind,
        'dashboard' as type,
        dashboard_id as native_id,
        true as is_primary,
        collected_at
    from accesses
    where dashboard_id is not null

    union all

    select
        source,
        event_key,
        accessed_at,
        actor_id,
        access_kind,
        'look' as type,
        look_id as native_id,
        dashboard_id is null as is_primary,
        collected_at
    from accesses
    where look_id is not null or dashboard_id is null

)

select * from touched
