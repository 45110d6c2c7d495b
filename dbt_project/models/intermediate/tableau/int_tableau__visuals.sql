with workbooks as (

    select * from {{ ref('stg_tableau__workbooks') }}

),

views as (

    select * from {{ ref('stg_tableau__views') }}

),

projects as (

    select * from {{ ref('stg_tableau__projects') }}

),

content as (

    select
        source,
        'workbook' as type,
        workbook_id as native_id,
        title,
        url,
        project_id,
        owner_id,
        created_at,
        updated_at,
        last_accessed_at,
        is_certified,
        is_personal,
        is_trashed,
        tags,
        collected_at
    from workbooks

    union all

    -- A view is certified and personal as its workbook is.
    select
        views.source,
        'view' as type,
        views.view_id as native_id,
        views.title,
        views.url,
        views.project_id,
        views.owner_id,
        views.created_at,
        views.updated_at,
        views.last_accessed_at,
        coalesce(workbooks.is_certified, false) as is_certified,
        coalesce(workbooks.is_personal, false) as is_personal,
        views.is_trashed,
        views.tags,
        views.collected_at
    from views
    left join workbooks
        on views.source = workbooks.source and views.workbook_id = workbooks.workbook_id

),

visuals as (

    -- Embeddings are not listed by Tableau: they show up as use.
    select
        content.source,
        'tableau' as platform,
        content.type,
        content.native_id,
        content.title,
        content.url,
        coalesce(projects.path, '') as folder,
        content.owner_id,
        projects.owner_id as folder_owner_id,
        content.created_at,
        content.updated_at,
        content.last_accessed_at,
        0 as published_links,
        content.is_certified,
        false as is_code_managed,
        content.is_personal or coalesce(projects.is_personal, false) as is_personal,
        coalesce(projects.is_system, false) as is_system,
        content.is_trashed,
        coalesce(content.tags, '[]') as tags,
        content.collected_at
    from content
    left join projects
        on content.source = projects.source and content.project_id = projects.project_id

)

select * from visuals
