with source_rows as (

    select * from {{ source('powerbi', 'powerbi_subscription') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'subscription_id']) }}

),

renamed as (

    select
        source,
        subscription_id as schedule_id,
        kind as schedule_kind,
        report_id,
        dashboard_id,
        -- A subscription that does not say whether it is switched on is.
        coalesce(enabled, true) as is_active,
        last_run_at
    from unique_rows

)

select * from renamed
