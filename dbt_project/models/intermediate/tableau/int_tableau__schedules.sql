-- What delivers a view keeps its workbook too.
with schedules as (

    select * from {{ ref('stg_tableau__schedules') }}

),

views as (

    select * from {{ ref('stg_tableau__views') }}

),

placed as (

    select
        schedules.source,
        schedules.schedule_id,
        schedules.schedule_kind,
        schedules.is_active,
        schedules.last_run_at,
        schedules.view_id,
        coalesce(schedules.workbook_id, views.workbook_id) as workbook_id
    from schedules
    left join views on schedules.source = views.source and schedules.view_id = views.view_id

),

targets as (

    select
        source,
        schedule_id,
        schedule_kind,
        is_active,
        last_run_at,
        'view' as type,
        view_id as native_id
    from placed
    where view_id is not null

    union all

    select
        source,
        schedule_id,
        schedule_kind,
        is_active,
        last_run_at,
        'workbook' as type,
        workbook_id as native_id
    from placed
    where workbook_id is not null

)

select * from targets
