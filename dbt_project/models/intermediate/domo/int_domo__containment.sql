-- A card is inside the pages it lies on. A page does not show its sub-pages, but it cannot go without them: it
-- counts as used, and stays, as long as one of them does, which is what being inside each of them means here.
with page_cards as (

    select * from {{ ref('stg_domo__page_cards') }}

),

pages as (

    select * from {{ ref('stg_domo__pages') }}

),

edges as (

    select
        source,
        'card' as type,
        card_id as native_id,
        'page' as container_type,
        page_id as container_id
    from page_cards

    union all

    select
        source,
        'page' as type,
        parent_id as native_id,
        'page' as container_type,
        page_id as container_id
    from pages
    where parent_id is not null and not is_trashed

)

select * from edges
