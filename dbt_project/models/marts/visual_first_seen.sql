{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='append_new_columns',
        full_refresh=false,
    )
}}

-- Inventories are replaced daily; this is the only memory of when a visual first turned up.
with visuals as (

    select * from {{ ref('int_visuals') }}

),

first_seen as (

    select
        visual_key,
        min(collected_at) as first_seen_at
    from visuals
    {% if is_incremental() %}
        where not exists (
            select 1 from {{ this }} as seen
            where seen.visual_key = visuals.visual_key
        )
    {% endif %}
    group by visual_key

)

select * from first_seen
