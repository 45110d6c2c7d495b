with dependencies as (

    {{ union_platforms('dependencies') }}

)

select * from dependencies
