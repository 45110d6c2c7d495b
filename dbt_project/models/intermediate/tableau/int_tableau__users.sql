with users as (

    select
        source,
        'tableau' as platform,
        user_id,
        name,
        email,
        login,
        is_active,
        false as is_service_account,
        group_names
    from {{ ref('stg_tableau__users') }}

)

select * from users
