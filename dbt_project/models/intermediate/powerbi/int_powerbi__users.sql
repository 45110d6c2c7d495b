with users as (

    select
        source,
        'powerbi' as platform,
        user_id,
        name,
        email,
        principal_name as login,
        is_active,
        is_service_account
    from {{ ref('stg_powerbi__users') }}

)

select * from users
