-- A robot may be named by its account id, its e-mail address or its login; its traffic shows up under its account.
with robots as (

    select * from {{ ref('stg_governance__robots') }}

),

users as (

    select * from {{ ref('int_users') }}

),

named as (

    select
        source,
        account_id as actor_id
    from robots

),

recognised as (

    select
        robots.source,
        users.user_id as actor_id
    from robots
    inner join users
        on
            robots.source = users.source
            and (
                lower(users.email) in (robots.email, lower(robots.account_id))
                or lower(users.login) = lower(robots.account_id)
            )

),

robot_actors as (

    select * from named
    union
    select * from recognised

)

select * from robot_actors
