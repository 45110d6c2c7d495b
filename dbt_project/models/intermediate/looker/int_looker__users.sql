with accounts as (

    select * from {{ ref('stg_looker__users') }}

),

users as (

    select
        source,
        'looker' as platform,
        user_id,
        name,
        email,
        cast(null as {{ dbt.type_string() }}) as login,
        is_active,
        is_service_account,
        group_names
    from accounts

)

select * from users
