with pages as (

    select * from {{ ref('stg_domo__pages') }}

),

cards as (

    select * from {{ ref('stg_domo__cards') }}

),

page_cards as (

    select * from {{ ref('stg_domo__page_cards') }}

),

lies_on as (

    -- A page lies under its parent; of the pages a card lies on the first one with an owner speaks for it.
    select
        page_cards.source,
        'card' as type,
        page_cards.card_id as native_id,
        min(page_cards.page_id) as page_id
    from page_cards
    inner join pages
        on page_cards.source = pages.source and page_cards.page_id = pages.page_id
    where pages.owner_id is not null
    group by page_cards.source, page_cards.card_id

    union all

    select
        source,
        'page' as type,
        page_id as native_id,
        parent_id as page_id
    from pages
    where parent_id is not null

),

content as (

    select
        source,
        'page' as type,
        page_id as native_id,
        title,
        url,
        folder,
        owner_id,
        created_at,
        updated_at,
        last_accessed_at,
        is_trashed,
        collected_at
    from pages

    union all

    select
        source,
        'card' as type,
        card_id as native_id,
        title,
        url,
        '' as folder,
        owner_id,
        created_at,
        updated_at,
        last_accessed_at,
        is_trashed,
        collected_at
    from cards

),

visuals as (

    -- Public links, certification and tags are not read from Domo; a page or card has no personal place.
    select
        content.source,
        'domo' as platform,
        content.type,
        content.native_id,
        content.title,
        content.url,
        coalesce(content.folder, '') as folder,
        content.owner_id,
        holders.owner_id as folder_owner_id,
        content.created_at,
        content.updated_at,
        content.last_accessed_at,
        0 as published_links,
        false as is_certified,
        false as is_code_managed,
        false as is_personal,
        false as is_system,
        content.is_trashed,
        '[]' as tags,
        content.collected_at
    from content
    left join lies_on
        on
            content.source = lies_on.source
            and content.type = lies_on.type
            and content.native_id = lies_on.native_id
    left join pages as holders
        on lies_on.source = holders.source and lies_on.page_id = holders.page_id

)

select * from visuals
