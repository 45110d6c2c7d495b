with source_rows as (

    select * from {{ source('powerbi', 'powerbi_workspace') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'workspace_id']) }}

),

renamed as (

    select
        source,
        workspace_id,
        name,
        coalesce(is_personal, false) as is_personal,
        -- Microsoft keeps its own reports on a tenant's use in workspaces of such types.
        coalesce(type, '') in ('AdminWorkspace', 'AdminInsights') as is_system
    from unique_rows

)

select * from renamed
