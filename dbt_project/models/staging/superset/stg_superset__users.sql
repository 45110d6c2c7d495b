with source_rows as (

    select * from {{ source('superset', 'superset_user') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'user_id']) }}

),

renamed as (

    select
        source,
        user_id,
        coalesce(nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), ''), username) as name,
        username as login,
        email,
        active as is_active,
        group_names
    from unique_rows

)

select * from renamed
