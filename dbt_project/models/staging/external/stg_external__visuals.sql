with source_rows as (

    select * from {{ source('external', 'external_visual') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'visual_type', 'visual_id']) }}

),

renamed as (

    select
        source,
        platform,
        visual_type,
        visual_id,
        title,
        url,
        folder,
        owner_id,
        folder_owner_id,
        created_at,
        updated_at,
        last_accessed_at,
        coalesce(published_links, 0) as published_links,
        coalesce(is_certified, false) as is_certified,
        coalesce(is_code_managed, false) as is_code_managed,
        coalesce(is_personal, false) as is_personal,
        coalesce(is_system, false) as is_system,
        coalesce(is_trashed, false) as is_trashed,
        coalesce(tags, '[]') as tags,
        collected_at
    from unique_rows
    where visual_type is not null and visual_id is not null

)

select * from renamed
