with visuals as (

    select * from {{ ref('stg_external__visuals') }}

),

shared as (

    select
        source,
        platform,
        visual_type as type,
        visual_id as native_id,
        title,
        url,
        folder,
        owner_id,
        folder_owner_id,
        created_at,
        updated_at,
        last_accessed_at,
        published_links,
        is_certified,
        is_code_managed,
        is_personal,
        is_system,
        is_trashed,
        tags,
        collected_at
    from visuals

)

select * from shared
