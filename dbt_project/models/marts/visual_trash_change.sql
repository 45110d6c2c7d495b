{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='append_new_columns',
        full_refresh=false,
    )
}}

-- Inventories are replaced daily; this is the only memory of what lay in a platform's trash and came out of it.
with visuals as (

    select * from {{ ref('int_visuals') }}

),

{% if is_incremental() %}

    ranked as (

        select
            visual_key,
            is_trashed,
            row_number() over (
                partition by visual_key
                order by seen_at desc
            ) as recency
        from {{ this }}

    ),

    newest as (

        select * from ranked
        where recency = 1

    ),

    changes as (

        select
            visuals.visual_key,
            visuals.is_trashed,
            visuals.collected_at as seen_at
        from visuals
        left join newest
            on visuals.visual_key = newest.visual_key
        where visuals.is_trashed <> coalesce(newest.is_trashed, false)

    )

{% else %}

    changes as (

        select
            visual_key,
            is_trashed,
            collected_at as seen_at
        from visuals
        where is_trashed

    )

{% endif %}

select * from changes
