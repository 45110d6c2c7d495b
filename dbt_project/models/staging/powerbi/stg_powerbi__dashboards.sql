with source_rows as (

    select * from {{ source('powerbi', 'powerbi_dashboard') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'dashboard_id']) }}

),

renamed as (

    select
        source,
        dashboard_id,
        title,
        workspace_id,
        url,
        owner_id,
        app_id,
        collected_at
    from unique_rows
    where dashboard_id is not null

)

select * from renamed
