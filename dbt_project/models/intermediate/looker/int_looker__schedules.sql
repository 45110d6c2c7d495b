with schedules as (

    select * from {{ ref('stg_looker__schedules') }}

),

targets as (

    select
        source,
        schedule_id,
        schedule_kind,
        is_active,
        last_run_at,
        'dashboard' as type,
        dashboard_id as native_id
    from schedules

    union all

    select
        source,
        schedule_id,
        schedule_kind,
        is_active,
        last_run_at,
        'look' as type,
        look_id as native_id
    from schedules

),

targeted as (

    -- What sends a query that nobody saved belongs to no visual.
    select * from targets
    where native_id is not null

)

select * from targeted
