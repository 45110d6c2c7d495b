with source_rows as (

    select * from {{ source('external', 'external_schedule') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'schedule_id', 'visual_type', 'visual_id']) }}

),

renamed as (

    select
        source,
        schedule_id,
        visual_type,
        visual_id,
        kind as schedule_kind,
        last_run_at,
        coalesce(is_active, true) as is_active
    from unique_rows
    where visual_id is not null

)

select * from renamed
