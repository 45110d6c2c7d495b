with contained as (

    {{ union_platforms('containment') }}

),

edges as (

    select distinct
        source,
        {{ visual_key('source', 'type', 'native_id') }} as visual_key,
        {{ visual_key('source', 'container_type', 'container_id') }} as container_key
    from contained

)

select * from edges
