with source_rows as (

    select * from {{ source('superset', 'superset_historical_access') }}

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
        chart_id,
        coalesce(access_kind, 'view') as access_kind,
        collected_at
    from unique_rows

)

select * from renamed
