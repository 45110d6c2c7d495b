with users as (

    select * from {{ ref('stg_external__users') }}

),

shared as (

    select
        source,
        platform,
        user_id,
        name,
        email,
        login,
        is_active,
        false as is_service_account,
        group_names
    from users

)

select * from shared
