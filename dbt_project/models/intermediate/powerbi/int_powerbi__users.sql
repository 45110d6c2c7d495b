with users as (

    select
        source,
        'powerbi' as platform,
        user_id,
        name,
        email,
        principal_name as login,
        is_active,
        is_service_account,
        -- Entra keeps groups, and Power BI's API does not tell them.
        cast(null as {{ dbt.type_string() }}) as group_names
    from {{ ref('stg_powerbi__users') }}

)

select * from users
