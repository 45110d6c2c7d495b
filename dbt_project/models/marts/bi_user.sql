with users as (

    select * from {{ ref('int_users') }}

),

robots as (

    select * from {{ ref('int_robots') }}

),

marked as (

    select
        users.source || ':' || users.user_id as user_key,
        users.source,
        users.platform,
        users.user_id,
        users.name,
        users.email,
        users.login,
        users.is_active,
        robots.actor_id is not null as is_robot,
        coalesce(users.is_service_account, false) as is_service_account,
        users.group_names
    from users
    left join robots
        on users.source = robots.source and users.user_id = robots.actor_id

)

select * from marked
