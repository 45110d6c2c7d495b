with visuals as (

    select * from {{ ref('int_visuals') }}

),

first_seen as (

    select * from {{ ref('visual_first_seen') }}

),

returned as (

    select
        visual_key,
        max(seen_at) as returned_at
    from {{ ref('visual_trash_change') }}
    where not is_trashed
    group by visual_key

),

evidence as (

    select * from {{ ref('int_last_access_evidence') }}

),

users as (

    select * from {{ ref('int_users') }}

),

schedules as (

    select
        visual_key,
        count(*) as schedules,
        max(last_run_at) as last_run_at
    from {{ ref('int_schedules') }}
    where is_active
    group by visual_key

),

containers as (

    select
        visual_key,
        count(*) as containers
    from {{ ref('visual_containment') }}
    where not is_container_trashed
    group by visual_key

),

observations as (

    select
        source,
        min(covered_from) as observed_from,
        max(covered_through) as observed_through
    from {{ ref('source_coverage') }}
    group by source

),

used as (

    select
        evidence.*,
        {{ later_of('evidence.delivered_at', 'schedules.last_run_at') }} as last_delivered_at,
        coalesce(schedules.schedules, 0) as schedules
    from evidence
    left join schedules
        on evidence.visual_key = schedules.visual_key

),

facts as (

    select
        visuals.visual_key,
        visuals.source,
        visuals.platform,
        visuals.type,
        visuals.native_id,
        coalesce(visuals.title, '') as title,
        coalesce(visuals.url, '') as url,
        coalesce(visuals.folder, '') as folder,
        visuals.owner_id,
        owners.name as owner_name,
        owners.email as owner_email,
        owners.is_active as is_owner_active,
        owners.group_names as owner_groups,
        visuals.folder_owner_id,
        visuals.created_at,
        visuals.updated_at,
        first_seen.first_seen_at,
        returned.returned_at,
        used.last_viewed_at,
        coalesce(viewers.name, viewers.email, used.last_viewer_id) as last_viewed_by,
        used.last_delivered_at,
        {{ later_of('used.last_viewed_at', 'used.last_delivered_at') }} as last_used_at,
        case
            when used.last_delivered_at > used.last_viewed_at or used.last_viewed_at is null
                then case when used.last_delivered_at is not null then 'delivery' end
            else used.last_viewed_via
        end as last_used_via,
        used.view_count,
        used.viewer_count,
        used.schedules,
        cast(visuals.published_links as {{ dbt.type_bigint() }}) as published_links,
        coalesce(containers.containers, 0) as containers,
        visuals.is_certified,
        visuals.is_code_managed,
        visuals.is_personal,
        visuals.is_system,
        visuals.is_trashed,
        visuals.tags,
        observations.observed_from,
        observations.observed_through,
        used.witnessed_from,
        used.witnessed_through
    from visuals
    inner join used
        on visuals.visual_key = used.visual_key
    left join first_seen
        on visuals.visual_key = first_seen.visual_key
    left join returned
        on visuals.visual_key = returned.visual_key
    left join users as owners
        on visuals.source = owners.source and visuals.owner_id = owners.user_id
    left join users as viewers
        on visuals.source = viewers.source and used.last_viewer_id = viewers.user_id
    left join containers
        on visuals.visual_key = containers.visual_key
    left join observations
        on visuals.source = observations.source

)

select * from facts
