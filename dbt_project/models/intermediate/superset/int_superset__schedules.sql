with schedules as (

    select * from {{ ref('stg_superset__schedules') }}

),

dashboards as (

    select * from {{ ref('stg_superset__dashboards') }}

),

charts as (

    select * from {{ ref('stg_superset__charts') }}

),

targets as (

    select
        schedules.source,
        schedules.schedule_id,
        schedules.schedule_kind,
        schedules.is_active,
        schedules.last_run_at,
        'dashboard' as type,
        dashboards.uuid as native_id
    from schedules
    inner join dashboards
        on schedules.source = dashboards.source and schedules.dashboard_id = dashboards.dashboard_id

    union all

    select
        schedules.source,
        schedules.schedule_id,
        schedules.schedule_kind,
        schedules.is_active,
        schedules.last_run_at,
        'chart' as type,
        charts.uuid as native_id
    from schedules
    inner join charts
        on schedules.source = charts.source and schedules.chart_id = charts.chart_id

)

select * from targets
