with source_rows as (

    select * from {{ source('tableau', 'tableau_user') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'user_id']) }}

),

renamed as (

    select
        source,
        user_id,
        name as login,
        coalesce(display_name, name) as name,
        email,
        is_licensed as is_active,
        group_names
    from unique_rows

)

select * from renamed
