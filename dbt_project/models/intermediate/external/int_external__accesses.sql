with accesses as (

    select * from {{ ref('stg_external__accesses') }}

),

shared as (

    select
        source,
        event_key,
        accessed_at,
        actor_id,
        access_kind,
        visual_type as type,
        visual_id as native_id,
        true as is_primary,
        collected_at
    from accesses

)

select * from shared
