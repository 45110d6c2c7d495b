{{ config(materialized='table', post_hook='{{ refresh_statistics(this) }}') }}

with accesses as (

    {{ union_platforms('accesses') }}

),

visuals as (

    select * from {{ ref('int_visuals') }}

),

robots as (

    select * from {{ ref('int_robots') }}

),

attributed as (

    select
        accesses.source,
        accesses.event_key,
        -- An access older than the object belongs to an earlier object that had the same id.
        case
            when visuals.created_at is null or accesses.accessed_at >= visuals.created_at
                then {{ visual_key('accesses.source', 'accesses.type', 'accesses.native_id') }}
        end as visual_key,
        accesses.accessed_at,
        cast(accesses.accessed_at as date) as accessed_on,
        accesses.actor_id,
        accesses.access_kind,
        robots.actor_id is not null as is_robot,
        robots.actor_id is null and accesses.access_kind <> 'delivery' as is_human,
        robots.actor_id is null and accesses.access_kind = 'delivery' as is_delivery,
        accesses.is_primary,
        accesses.collected_at
    from accesses
    left join visuals
        on
            accesses.source = visuals.source
            and accesses.type = visuals.type
            and accesses.native_id = visuals.native_id
    left join robots
        on accesses.source = robots.source and accesses.actor_id = robots.actor_id

)

select * from attributed
