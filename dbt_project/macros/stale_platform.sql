{#-
    One row when the platform was collected before, but not completely in the hours before `as_of`.

    The wall clock plays no part: without `as_of` the newest collection of any platform is the measure.
-#}
{% macro stale_platform(platform) -%}
    with collections as (

        select * from {{ ref('stg_governance__collections') }}

    ),

    moments as (

        select
            max(case when platform = '{{ platform }}' and status = 'complete' then finished_at end) as collected_at,
            {% if var('as_of') -%}
                {{ utc_moment(var('as_of')) }} as as_of
            {%- else -%}
                max(finished_at) as as_of
            {%- endif %}
        from collections

    )

    select
        collected_at,
        as_of
    from moments
    where collected_at < {{ dbt.dateadd('hour', -1 * var('stale_after_hours'), 'as_of') }}
{%- endmacro %}
