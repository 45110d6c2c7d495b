with looker_dependencies as (

    select * from {{ ref('stg_looker__dependencies') }}

),

superset_dependencies as (

    select * from {{ ref('stg_superset__dependencies') }}

),

superset_charts as (

    select * from {{ ref('stg_superset__charts') }}

),

superset_dashboards as (

    select * from {{ ref('stg_superset__dashboards') }}

),

superset_numbers as (

    select
        source,
        'chart' as visual_type,
        chart_id as visual_id,
        uuid
    from superset_charts

    union all

    select
        source,
        'dashboard' as visual_type,
        dashboard_id as visual_id,
        uuid
    from superset_dashboards

),

dependencies as (

    select
        source,
        'looker' as platform,
        visual_type,
        visual_id as native_id,
        dependency_kind,
        name,
        database_name,
        schema_name
    from looker_dependencies

    union all

    -- Superset's lineage may name a visual by its number or by its uuid.
    select
        superset_dependencies.source,
        'superset' as platform,
        superset_dependencies.visual_type,
        coalesce(superset_numbers.uuid, superset_dependencies.visual_id) as native_id,
        superset_dependencies.dependency_kind,
        superset_dependencies.name,
        superset_dependencies.database_name,
        superset_dependencies.schema_name
    from superset_dependencies
    left join superset_numbers
        on
            superset_dependencies.source = superset_numbers.source
            and superset_dependencies.visual_type = superset_numbers.visual_type
            and superset_dependencies.visual_id = superset_numbers.visual_id

),

keyed as (

    select distinct
        {{ visual_key('source', 'visual_type', 'native_id') }} as visual_key,
        source,
        platform,
        dependency_kind,
        name,
        database_name,
        schema_name
    from dependencies

)

select * from keyed
