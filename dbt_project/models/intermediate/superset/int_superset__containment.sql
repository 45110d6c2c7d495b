with dashboard_charts as (

    select * from {{ ref('stg_superset__dashboard_charts') }}

),

dashboards as (

    select * from {{ ref('stg_superset__dashboards') }}

),

charts as (

    select * from {{ ref('stg_superset__charts') }}

),

contained as (

    select
        dashboard_charts.source,
        'chart' as type,
        charts.uuid as native_id,
        'dashboard' as container_type,
        dashboards.uuid as container_id
    from dashboard_charts
    inner join charts
        on dashboard_charts.source = charts.source and dashboard_charts.chart_id = charts.chart_id
    inner join dashboards
        on dashboard_charts.source = dashboards.source and dashboard_charts.dashboard_id = dashboards.dashboard_id

)

select * from contained
