with dependencies as (

    select * from {{ ref('stg_external__dependencies') }}

),

shared as (

    select
        source,
        visual_type,
        visual_id as native_id,
        dependency_kind,
        name,
        database_name,
        schema_name
    from dependencies

)

select * from shared
