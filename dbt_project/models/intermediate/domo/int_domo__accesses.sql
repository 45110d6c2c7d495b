-- A row of Domo's audit log is about one page or one card.
with accesses as (

    select * from {{ ref('stg_domo__accesses') }}

),

touched as (

    select
        source,
        event_key,
        accessed_at,
        actor_id,
        access_kind,
        case when page_id is not null then 'page' else 'card' end as type,
        coalesce(page_id, card_id) as native_id,
        true as is_primary,
        collected_at
    from accesses

)

select * from touched
