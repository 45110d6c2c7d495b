with accounts as (

    select * from {{ ref('stg_superset__users') }}

),

users as (

    select
        source,
        'superset' as platform,
        user_id,
        name,
        email,
        login,
        is_active,
        false as is_service_account,
        group_names
    from accounts

)

select * from users
