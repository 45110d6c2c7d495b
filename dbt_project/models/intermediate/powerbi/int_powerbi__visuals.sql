-- The copies that apps offer are not visuals of their own: they go and come with the app.
with reports as (

    select * from {{ ref('stg_powerbi__reports') }}
    where app_id is null

),

dashboards as (

    select * from {{ ref('stg_powerbi__dashboards') }}
    where app_id is null

),

workspaces as (

    select * from {{ ref('stg_powerbi__workspaces') }}

),

content as (

    select
        source,
        'report' as type,
        report_id as native_id,
        title,
        url,
        workspace_id,
        owner_id,
        created_at,
        updated_at,
        is_certified,
        is_published_to_web,
        collected_at
    from reports

    union all

    -- Power BI keeps no dates of dashboards: our first sight of one stands in.
    select
        source,
        'dashboard' as type,
        dashboard_id as native_id,
        title,
        url,
        workspace_id,
        owner_id,
        cast(null as {{ dbt.type_timestamp() }}) as created_at,
        cast(null as {{ dbt.type_timestamp() }}) as updated_at,
        false as is_certified,
        false as is_published_to_web,
        collected_at
    from dashboards

),

placed as (

    select
        content.source,
        'powerbi' as platform,
        content.type,
        content.native_id,
        content.title,
        content.url,
        coalesce(workspaces.name, '') as folder,
        content.owner_id,
        -- Which members administer a workspace is not collected.
        cast(null as {{ dbt.type_string() }}) as folder_owner_id,
        content.created_at,
        content.updated_at,
        cast(null as {{ dbt.type_timestamp() }}) as last_accessed_at,
        case when content.is_published_to_web then 1 else 0 end as published_links,
        content.is_certified,
        false as is_code_managed,
        coalesce(workspaces.is_personal, false) as is_personal,
        coalesce(workspaces.is_system, false) as is_system,
        false as is_trashed,
        '[]' as tags,
        content.collected_at
    from content
    left join workspaces
        on content.source = workspaces.source and content.workspace_id = workspaces.workspace_id

)

select * from placed
