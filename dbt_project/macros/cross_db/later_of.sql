{#- The later of two moments, ignoring nulls. Some engines' greatest() returns null as soon as one argument is. -#}
{% macro later_of(first, second) -%}
    {{ return(adapter.dispatch('later_of', 'bi_governance')(first, second)) }}
{%- endmacro %}

{% macro default__later_of(first, second) -%}
    greatest(coalesce({{ first }}, {{ second }}), coalesce({{ second }}, {{ first }}))
{%- endmacro %}
