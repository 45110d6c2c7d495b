{{ config(materialized='table') }}
-- What history and the platform's own last-access field say about every visual, and what the field is worth.
with visuals as (

    select * from {{ ref('int_visuals') }}

),

accesses as (

    select * from {{ ref('int_accesses') }}
    where visual_key is not null

),

counted as (

    select
        visual_key,
        max(case when is_human then accessed_at end) as viewed_at,
        max(case when is_delivery then accessed_at end) as delivered_at,
        sum(case when is_human then 1 else 0 end) as view_count,
        count(distinct case when is_human then actor_id end) as viewer_count
    from accesses
    group by visual_key

),

last_views as (

    select
        counted.visual_key,
        min(accesses.actor_id) as viewer_id,
        min(accesses.access_kind) as access_kind
    from counted
    inner join accesses
        on counted.visual_key = accesses.visual_key and counted.viewed_at = accesses.accessed_at
    where accesses.is_human
    group by counted.visual_key

),

claims as (

    select
        visual_key,
        last_accessed_at as claimed_at,
        collected_at,
        {{ dbt.dateadd('hour', -1, 'last_accessed_at') }} as near_from,
        {{ dbt.dateadd('hour', 1, 'last_accessed_at') }} as near_through
    from visuals
    where last_accessed_at is not null

),

checked as (

    -- The access a platform speaks of was a robot's or a delivery when history shows one near it and no person.
    -- A person in history later than the platform's last access shows that the platform lags behind.
    select
        claims.visual_key,
        max(case when not accesses.is_human and accesses.accessed_at <= claims.near_through then 1 else 0 end)
            as has_machine,
        max(case when accesses.is_human and accesses.accessed_at <= claims.near_through then 1 else 0 end) as has_human,
        max(case when accesses.is_human and accesses.accessed_at > claims.near_through then 1 else 0 end)
            as has_later_human
    from claims
    inner join accesses
        on
            claims.visual_key = accesses.visual_key
            and claims.near_from <= accesses.accessed_at
            and claims.collected_at >= accesses.accessed_at
    group by claims.visual_key

),

trusted as (

    select
        claims.visual_key,
        claims.claimed_at,
        claims.near_from,
        claims.collected_at,
        coalesce(checked.has_later_human, 0) = 0 and claims.claimed_at < claims.collected_at as is_witness
    from claims
    left join checked
        on claims.visual_key = checked.visual_key
    where coalesce(checked.has_machine, 0) = 0 or checked.has_human = 1

),

evidence as (

    select
        visuals.visual_key,
        {{ later_of('counted.viewed_at', 'trusted.claimed_at') }} as last_viewed_at,
        -- Within the hour both speak of the same access, and history knows whose it was.
        case when trusted.near_from > counted.viewed_at then null else last_views.viewer_id end as last_viewer_id,
        case
            when trusted.near_from > counted.viewed_at or counted.viewed_at is null
                then case when trusted.claimed_at is not null then 'platform' end
            else last_views.access_kind
        end as last_viewed_via,
        counted.delivered_at,
        cast(coalesce(counted.view_count, 0) as {{ dbt.type_bigint() }}) as view_count,
        coalesce(counted.viewer_count, 0) as viewer_count,
        case when trusted.is_witness then trusted.claimed_at end as witnessed_from,
        case when trusted.is_witness then trusted.collected_at end as witnessed_through
    from visuals
    left join counted
        on visuals.visual_key = counted.visual_key
    left join last_views
        on visuals.visual_key = last_views.visual_key
    left join trusted
        on visuals.visual_key = trusted.visual_key

)

select * from evidence
