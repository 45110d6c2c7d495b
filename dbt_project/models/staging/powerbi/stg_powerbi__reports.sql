with source_rows as (

    select * from {{ source('powerbi', 'powerbi_report') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'report_id'], 'collected_at desc, updated_at desc nulls last') }}

),

renamed as (

    select
        source,
        report_id,
        title,
        workspace_id,
        url,
        owner_id,
        app_id,
        original_report_id,
        created_at,
        updated_at,
        coalesce(endorsement, '') = 'Certified' as is_certified,
        coalesce(is_published_to_web, false) as is_published_to_web,
        collected_at
    from unique_rows
    where report_id is not null

)

select * from renamed
