with looker_elements as (

    select * from {{ ref('stg_looker__dashboard_elements') }}

),

superset_dashboard_charts as (

    select * from {{ ref('stg_superset__dashboard_charts') }}

),

superset_dashboards as (

    select * from {{ ref('stg_superset__dashboards') }}

),

superset_charts as (

    select * from {{ ref('stg_superset__charts') }}

),

contained as (

    select
        source,
        {{ visual_key('source', "'look'", 'look_id') }} as visual_key,
        {{ visual_key('source', "'dashboard'", 'dashboard_id') }} as container_key
    from looker_elements
    where look_id is not null and dashboard_id is not null

    union all

    select
        edges.source,
        {{ visual_key('edges.source', "'chart'", 'superset_charts.uuid') }} as visual_key,
        {{ visual_key('edges.source', "'dashboard'", 'superset_dashboards.uuid') }} as container_key
    from superset_dashboard_charts as edges
    inner join superset_charts
        on edges.source = superset_charts.source and edges.chart_id = superset_charts.chart_id
    inner join superset_dashboards
        on edges.source = superset_dashboards.source and edges.dashboard_id = superset_dashboards.dashboard_id

),

edges as (

    select distinct
        source,
        visual_key,
        container_key
    from contained

)

select * from edges
