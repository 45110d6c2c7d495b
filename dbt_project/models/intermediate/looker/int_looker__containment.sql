with elements as (

    select * from {{ ref('stg_looker__dashboard_elements') }}

),

contained as (

    select
        source,
        'look' as type,
        look_id as native_id,
        'dashboard' as container_type,
        dashboard_id as container_id
    from elements
    where look_id is not null and dashboard_id is not null

)

select * from contained
