with source_rows as (

    select * from {{ source('looker', 'looker_folder') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'folder_id']) }}

),

renamed as (

    select
        source,
        folder_id,
        coalesce(path, name, '') as path,
        creator_id as owner_id,
        coalesce(is_personal, false) as is_personal,
        coalesce(is_embed, false) as is_embedded
    from unique_rows

)

select * from renamed
