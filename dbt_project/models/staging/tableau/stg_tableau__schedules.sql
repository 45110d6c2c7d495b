with source_rows as (

    select * from {{ source('tableau', 'tableau_subscription') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'subscription_id']) }}

),

renamed as (

    select
        source,
        subscription_id as schedule_id,
        kind as schedule_kind,
        workbook_id,
        view_id,
        coalesce(enabled, true) as is_active,
        last_run_at
    from unique_rows

)

select * from renamed
