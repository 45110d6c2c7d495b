-- An event may name a report and a dashboard; it is a use of both and is counted once, with the dashboard.
with accesses as (

    select * from {{ ref('stg_powerbi__accesses') }}

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
        'report' as type,
        report_id as native_id,
        dashboard_id is null as is_primary,
        collected_at
    from accesses
    where report_id is not null or dashboard_id is null

)

select * from touched
