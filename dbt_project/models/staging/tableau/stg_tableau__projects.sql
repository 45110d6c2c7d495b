with source_rows as (

    select * from {{ source('tableau', 'tableau_project') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'project_id']) }}

),

renamed as (

    select
        source,
        project_id,
        path,
        owner_id,
        coalesce(is_personal, false) as is_personal,
        coalesce(is_system, false) as is_system
    from unique_rows

)

select * from renamed
