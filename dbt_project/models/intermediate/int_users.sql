with looker_users as (

    select * from {{ ref('stg_looker__users') }}

),

superset_users as (

    select * from {{ ref('stg_superset__users') }}

),

users as (

    select
        source,
        'looker' as platform,
        user_id,
        name,
        email,
        cast(null as {{ dbt.type_string() }}) as login,
        is_active
    from looker_users

    union all

    select
        source,
        'superset' as platform,
        user_id,
        name,
        email,
        login,
        is_active
    from superset_users

)

select * from users
