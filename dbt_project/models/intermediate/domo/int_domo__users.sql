with users as (

    select
        source,
        'domo' as platform,
        user_id,
        name,
        email,
        cast(null as {{ dbt.type_string() }}) as login,
        is_active,
        false as is_service_account,
        group_names
    from {{ ref('stg_domo__users') }}

)

select * from users
