with source_rows as (

    select * from {{ source('looker', 'looker_user') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'user_id']) }}

),

renamed as (

    select
        source,
        user_id,
        display_name as name,
        email,
        -- Unknown stays unknown: an owner nobody can vouch for is not the same as one who left.
        not is_disabled as is_active,
        coalesce(is_service_account, false) as is_service_account,
        group_names
    from unique_rows

)

select * from renamed
