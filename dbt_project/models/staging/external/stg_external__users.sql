with source_rows as (

    select * from {{ source('external', 'external_user') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'user_id']) }}

),

renamed as (

    select
        source,
        platform,
        user_id,
        name,
        email,
        login,
        is_active,
        group_names
    from unique_rows

)

select * from renamed
