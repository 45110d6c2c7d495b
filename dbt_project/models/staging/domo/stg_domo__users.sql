with source_rows as (

    select * from {{ source('domo', 'domo_user') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'user_id']) }}

),

renamed as (

    select
        source,
        user_id,
        name,
        email,
        active as is_active,
        group_names
    from unique_rows

)

select * from renamed
