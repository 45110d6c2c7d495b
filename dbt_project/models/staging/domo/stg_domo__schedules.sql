with source_rows as (

    select * from {{ source('domo', 'domo_schedule') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'schedule_id']) }}

),

renamed as (

    select
        source,
        schedule_id,
        kind as schedule_kind,
        page_id,
        card_id,
        -- A report that does not say whether it is switched on is.
        coalesce(enabled, true) as is_active,
        last_run_at
    from unique_rows

)

select * from renamed
