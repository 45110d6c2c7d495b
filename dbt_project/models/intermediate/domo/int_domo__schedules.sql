with schedules as (

    select * from {{ ref('stg_domo__schedules') }}

),

targets as (

    select
        source,
        schedule_id,
        schedule_kind,
        is_active,
        last_run_at,
        case when page_id is not null then 'page' else 'card' end as type,
        coalesce(page_id, card_id) as native_id
    from schedules
    where page_id is not null or card_id is not null

)

select * from targets
