with source_rows as (

    select * from {{ source('external', 'external_historical_access') }}

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
        visual_type,
        visual_id,
        -- Whatever is not known to be anything else counts as somebody looking at it.
        case
            when access_kind in ('edit', 'delivery', 'export', 'api', 'embed') then access_kind
            else 'view'
        end as access_kind,
        collected_at
    from unique_rows
    where accessed_at is not null

)

select * from renamed
