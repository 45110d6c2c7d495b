with containment as (

    select * from {{ ref('stg_external__containment') }}

),

shared as (

    select
        source,
        visual_type as type,
        visual_id as native_id,
        container_type,
        container_id
    from containment

)

select * from shared
