{#- A fraction between 0 and 1, exact to six digits. -#}
{% macro type_share() -%}
    {{ return(adapter.dispatch('type_share', 'bi_governance')()) }}
{%- endmacro %}

{% macro default__type_share() -%}
    numeric(7, 6)
{%- endmacro %}
