with schedules as (

    select * from {{ ref('stg_external__schedules') }}

),

shared as (

    select
        source,
        schedule_id,
        schedule_kind,
        is_active,
        last_run_at,
        visual_type as type,
        visual_id as native_id
    from schedules

)

select * from shared
