with source_rows as (

    select * from {{ source('looker', 'looker_dashboard') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'dashboard_id'], 'collected_at desc, updated_at desc nulls last') }}

),

renamed as (

    select
        source,
        dashboard_id,
        title,
        folder_id,
        user_id as owner_id,
        url,
        created_at,
        updated_at,
        {{ later_of('last_accessed_at', 'last_viewed_at') }} as last_accessed_at,
        coalesce(is_lookml, false) as is_lookml,
        -- Looker reports LookML dashboards as moved to the trash, which they cannot be.
        coalesce(deleted, false) and not coalesce(is_lookml, false) as is_trashed,
        coalesce(is_certified, false) as is_certified,
        collected_at
    from unique_rows

)

select * from renamed
