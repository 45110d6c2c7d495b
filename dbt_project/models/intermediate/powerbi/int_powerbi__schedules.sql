with subscriptions as (

    select * from {{ ref('stg_powerbi__subscriptions') }}

),

targets as (

    select
        source,
        schedule_id,
        schedule_kind,
        is_active,
        last_run_at,
        case when dashboard_id is not null then 'dashboard' else 'report' end as type,
        coalesce(dashboard_id, report_id) as native_id
    from subscriptions
    where dashboard_id is not null or report_id is not null

)

select * from targets
