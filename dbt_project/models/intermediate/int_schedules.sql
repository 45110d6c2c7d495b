with targets as (

    {{ union_platforms('schedules') }}

),

schedules as (

    select
        source,
        {{ visual_key('source', 'type', 'native_id') }} as visual_key,
        schedule_kind,
        schedule_id,
        is_active,
        last_run_at
    from targets

)

select * from schedules
