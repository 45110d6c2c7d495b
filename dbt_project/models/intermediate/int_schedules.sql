with looker_schedules as (

    select * from {{ ref('stg_looker__schedules') }}

),

superset_schedules as (

    select * from {{ ref('stg_superset__schedules') }}

),

superset_dashboards as (

    select * from {{ ref('stg_superset__dashboards') }}

),

superset_charts as (

    select * from {{ ref('stg_superset__charts') }}

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
    from looker_schedules

    union all

    select
        source,
        schedule_id,
        schedule_kind,
        is_active,
        last_run_at,
        'look' as type,
        look_id as native_id
    from looker_schedules

    union all

    select
        superset_schedules.source,
        superset_schedules.schedule_id,
        superset_schedules.schedule_kind,
        superset_schedules.is_active,
        superset_schedules.last_run_at,
        'dashboard' as type,
        superset_dashboards.uuid as native_id
    from superset_schedules
    inner join superset_dashboards
        on
            superset_schedules.source = superset_dashboards.source
            and superset_schedules.dashboard_id = superset_dashboards.dashboard_id

    union all

    select
        superset_schedules.source,
        superset_schedules.schedule_id,
        superset_schedules.schedule_kind,
        superset_schedules.is_active,
        superset_schedules.last_run_at,
        'chart' as type,
        superset_charts.uuid as native_id
    from superset_schedules
    inner join superset_charts
        on
            superset_schedules.source = superset_charts.source
            and superset_schedules.chart_id = superset_charts.chart_id

),

schedules as (

    select
        source,
        {{ visual_key('source', 'type', 'native_id') }} as visual_key,
        schedule_kind,
        schedule_id,
        is_active,
        last_run_at
    from targets
    where native_id is not null

)

select * from schedules
