with pages as (

    select * from {{ ref('stg_domo__pages') }}

),

cards as (

    select * from {{ ref('stg_domo__cards') }}

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
        source,
        'domo' as platform,
        type,
        native_id,
        title,
        url,
        coalesce(folder, '') as folder,
        owner_id,
        created_at,
        updated_at,
        last_accessed_at,
        0 as published_links,
        false as is_certified,
        false as is_code_managed,
        false as is_personal,
        false as is_system,
        is_trashed,
        '[]' as tags,
        collected_at
    from content

)

select * from visuals
