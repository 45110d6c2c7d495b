with dashboards as (

    select * from {{ ref('stg_looker__dashboards') }}

),

looks as (

    select * from {{ ref('stg_looker__looks') }}

),

folders as (

    select * from {{ ref('stg_looker__folders') }}

),

board_items as (

    select * from {{ ref('stg_looker__board_items') }}

),

pinned as (

    select
        source,
        visual_type,
        visual_id,
        count(distinct board_id) as boards
    from board_items
    group by source, visual_type, visual_id

),

content as (

    select
        source,
        'dashboard' as type,
        dashboard_id as native_id,
        title,
        url,
        folder_id,
        owner_id,
        created_at,
        updated_at,
        last_accessed_at,
        is_certified,
        is_lookml as is_code_managed,
        -- Looker ships these inside the product itself.
        left(dashboard_id, 18) = 'system__activity::' as is_system,
        is_trashed,
        false as is_public,
        collected_at
    from dashboards

    union all

    select
        source,
        'look' as type,
        look_id as native_id,
        title,
        url,
        folder_id,
        owner_id,
        created_at,
        updated_at,
        last_accessed_at,
        is_certified,
        false as is_code_managed,
        false as is_system,
        is_trashed,
        is_public,
        collected_at
    from looks

),

placed as (

    select
        content.source,
        'looker' as platform,
        content.type,
        content.native_id,
        content.title,
        content.url,
        folders.path as folder,
        content.owner_id,
        folders.owner_id as folder_owner_id,
        content.created_at,
        content.updated_at,
        content.last_accessed_at,
        case when content.is_public then 1 else 0 end
        + case when folders.is_embedded then 1 else 0 end
        + coalesce(pinned.boards, 0) as published_links,
        content.is_certified,
        content.is_code_managed,
        coalesce(folders.is_personal, false) as is_personal,
        content.is_system,
        content.is_trashed,
        '[]' as tags,
        content.collected_at
    from content
    left join folders
        on content.source = folders.source and content.folder_id = folders.folder_id
    left join pinned
        on
            content.source = pinned.source
            and content.type = pinned.visual_type
            and content.native_id = pinned.visual_id

)

select * from placed
