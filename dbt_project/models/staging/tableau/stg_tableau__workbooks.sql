with source_rows as (

    select * from {{ source('tableau', 'tableau_workbook') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'workbook_id'], 'collected_at desc, updated_at desc nulls last') }}

),

renamed as (

    select
        source,
        workbook_id,
        title,
        url,
        project_id,
        owner_id,
        tags,
        created_at,
        updated_at,
        last_accessed_at,
        coalesce(is_certified, false) as is_certified,
        coalesce(is_personal, false) as is_personal,
        coalesce(deleted, false) as is_trashed,
        collected_at
    from unique_rows

)

select * from renamed
