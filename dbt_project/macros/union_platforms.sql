{#-
    The rows of all platforms at one grain: `visuals`, `accesses`, `users`, `schedules`, `containment` or
    `dependencies`. A platform joins in by a line in the variable `platforms`; its models
    int_<platform>__<grain> give the columns in the same order as everybody's.
-#}
{% macro union_platforms(grain) -%}
    {% for platform in var('platforms') -%}
        select * from {{ ref('int_' ~ platform ~ '__' ~ grain) }}
        {% if not loop.last %}
            union all
        {% endif %}
    {%- endfor %}
{%- endmacro %}
