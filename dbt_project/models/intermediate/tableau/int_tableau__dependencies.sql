with dependencies as (

    select
        source,
        visual_type,
        visual_id as native_id,
        dependency_kind,
        name,
        database_name,
        schema_name
    from {{ ref('stg_tableau__dependencies') }}

)

select * from dependencies
