-- Superset's lineage may name a visual by its number or by its uuid.
with lineage as (

    select * from {{ ref('stg_superset__dependencies') }}

),

charts as (

    select * from {{ ref('stg_superset__charts') }}

),

dashboards as (

    select * from {{ ref('stg_superset__dashboards') }}

),

numbers as (

    select
        source,
        'chart' as visual_type,
        chart_id as visual_id,
        uuid
    from charts

    union all

    select
        source,
        'dashboard' as visual_type,
        dashboard_id as visual_id,
        uuid
    from dashboards

),

dependencies as (

    select
        lineage.source,
        lineage.visual_type,
        coalesce(numbers.uuid, lineage.visual_id) as native_id,
        lineage.dependency_kind,
        lineage.name,
        lineage.database_name,
        lineage.schema_name
    from lineage
    left join numbers
        on
            lineage.source = numbers.source
            and lineage.visual_type = numbers.visual_type
            and lineage.visual_id = numbers.visual_id

)

select * from dependencies
