with users as (

    {{ union_platforms('users') }}

)

select * from users
