with source_rows as (

    select * from {{ source('powerbi', 'powerbi_user') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'user_id']) }}

),

renamed as (

    select
        source,
        user_id,
        principal_name,
        name,
        email,
        active as is_active,
        coalesce(principal_type, '') = 'App' as is_service_account
    from unique_rows
    where user_id is not null

)

select * from renamed
