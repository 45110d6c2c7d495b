with source_rows as (

    select * from {{ source('looker', 'looker_schedule') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'kind', 'schedule_id']) }}

),

renamed as (

    select
        source,
        schedule_id,
        kind as schedule_kind,
        coalesce(dashboard_id, lookml_dashboard_id) as dashboard_id,
        look_id,
        -- A schedule that does not say whether it is switched on is one.
        coalesce(enabled, true) as is_active,
        last_run_at
    from unique_rows

)

select * from renamed
