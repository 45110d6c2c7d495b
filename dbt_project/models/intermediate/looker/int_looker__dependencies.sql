with lineage as (

    select * from {{ ref('stg_looker__dependencies') }}

),

dependencies as (

    select
        source,
        visual_type,
        visual_id as native_id,
        dependency_kind,
        name,
        database_name,
        schema_name
    from lineage

)

select * from dependencies
