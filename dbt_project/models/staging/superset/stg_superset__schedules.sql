with source_rows as (

    select * from {{ source('superset', 'superset_schedule') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'schedule_id']) }}

),

renamed as (

    select
        source,
        schedule_id,
        kind as schedule_kind,
        dashboard_id,
        chart_id,
        -- A schedule that does not say whether it is switched on is one.
        coalesce(active, true) as is_active,
        last_run_at
    from unique_rows

)

select * from renamed
