with containment as (

    select * from {{ ref('int_containment') }}

),

visuals as (

    select * from {{ ref('int_visuals') }}

),

edges as (

    select
        containment.source,
        containment.visual_key,
        containment.container_key,
        -- A container that is not in the inventory may well be alive: we only cannot see it.
        coalesce(containers.is_trashed, false) as is_container_trashed
    from containment
    inner join visuals
        on containment.visual_key = visuals.visual_key
    left join visuals as containers
        on containment.container_key = containers.visual_key

)

select * from edges
