with dashboards as (

    select * from {{ ref('stg_superset__dashboards') }}

),

charts as (

    select * from {{ ref('stg_superset__charts') }}

),

content as (

    select
        source,
        'dashboard' as type,
        uuid as native_id,
        title,
        url,
        owner_id,
        updated_at,
        case when is_embedded then 1 else 0 end as published_links,
        is_certified,
        is_code_managed,
        is_trashed,
        tags,
        collected_at
    from dashboards

    union all

    select
        source,
        'chart' as type,
        uuid as native_id,
        title,
        url,
        owner_id,
        updated_at,
        0 as published_links,
        is_certified,
        is_code_managed,
        is_trashed,
        tags,
        collected_at
    from charts

),

visuals as (

    -- Superset has no folders, no personal space, and tells neither creation nor last access of its own.
    select
        source,
        'superset' as platform,
        type,
        native_id,
        title,
        url,
        '' as folder,
        owner_id,
        cast(null as {{ dbt.type_string() }}) as folder_owner_id,
        cast(null as {{ dbt.type_timestamp() }}) as created_at,
        updated_at,
        cast(null as {{ dbt.type_timestamp() }}) as last_accessed_at,
        published_links,
        is_certified,
        is_code_managed,
        false as is_personal,
        false as is_system,
        is_trashed,
        coalesce(tags, '[]') as tags,
        collected_at
    from content

)

select * from visuals
