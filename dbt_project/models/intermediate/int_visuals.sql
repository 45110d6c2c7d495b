{{ config(materialized='table', post_hook='{{ refresh_statistics(this) }}') }}

with visuals as (

    {{ union_platforms('visuals') }}

),

identified as (

    select
        *,
        {{ visual_key('source', 'type', 'native_id') }} as visual_key
    from visuals

)

select * from identified
