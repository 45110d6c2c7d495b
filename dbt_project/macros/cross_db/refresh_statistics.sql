{#-
    Tells the planner about a table that was just filled. PostgreSQL learns of it a minute later by itself,
    and until then plans the joins of the same build for a handful of rows.
-#}
{% macro refresh_statistics(relation) -%}
    {{ return(adapter.dispatch('refresh_statistics', 'bi_governance')(relation)) }}
{%- endmacro %}

{% macro default__refresh_statistics(relation) -%}{%- endmacro %}

{% macro postgres__refresh_statistics(relation) -%}
    analyze {{ relation }}
{%- endmacro %}
