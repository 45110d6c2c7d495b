-- A report is inside the dashboards that show a tile of it, and inside the apps that offer a copy of it. An app
-- is not in the inventory and hence counts as living: the report stays until it is taken out of the app.
with tiles as (

    select * from {{ ref('stg_powerbi__dashboard_tiles') }}
    where report_id is not null and dashboard_id is not null

),

copies as (

    select * from {{ ref('stg_powerbi__reports') }}
    where app_id is not null and original_report_id is not null

),

edges as (

    select
        source,
        'report' as type,
        report_id as native_id,
        'dashboard' as container_type,
        dashboard_id as container_id
    from tiles

    union all

    select
        source,
        'report' as type,
        original_report_id as native_id,
        'app' as container_type,
        app_id as container_id
    from copies

)

select * from edges
