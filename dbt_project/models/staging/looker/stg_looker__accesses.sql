with source_rows as (

    select * from {{ source('looker', 'looker_historical_access') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'event_key'], 'collected_at') }}

),

renamed as (

    select
        source,
        event_key,
        accessed_at,
        user_id as actor_id,
        dashboard_id,
        look_id,
        -- Whatever is not known to be a machine's doing counts as somebody looking at it.
        case
            when lower(source_kind) in (
                'scheduled_task', 'schedule', 'scheduled', 'scheduler', 'alerts', 'alert', 'data_delivery'
            ) then 'delivery'
            when lower(source_kind) like 'api%' then 'api'
            when lower(source_kind) like '%embed%' then 'embed'
            when lower(source_kind) like '%download%' then 'export'
            else 'view'
        end as access_kind,
        collected_at
    from unique_rows
    where accessed_at is not null

)

select * from renamed
