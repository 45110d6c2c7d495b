with dependencies as (

    select * from {{ ref('int_dependencies') }}

),

platforms as (

    select distinct
        source,
        platform
    from {{ ref('int_visuals') }}

),

keyed as (

    -- A source's visuals and their lineage are collected together: without a visual there is nothing to depend.
    select distinct
        {{ visual_key('dependencies.source', 'dependencies.visual_type', 'dependencies.native_id') }} as visual_key,
        dependencies.source,
        platforms.platform,
        dependencies.dependency_kind,
        dependencies.name,
        dependencies.database_name,
        dependencies.schema_name
    from dependencies
    inner join platforms
        on dependencies.source = platforms.source

)

select * from keyed
