{{ config(materialized='table', post_hook='{{ refresh_statistics(this) }}') }}

with looker_visuals as (

    select * from {{ ref('int_looker__visuals') }}

),

superset_visuals as (

    select * from {{ ref('int_superset__visuals') }}

),

visuals as (

    select * from looker_visuals
    union all
    select * from superset_visuals

),

identified as (

    select
        *,
        {{ visual_key('source', 'type', 'native_id') }} as visual_key
    from visuals

)

select * from identified
