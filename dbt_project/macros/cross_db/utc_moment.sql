{#- An ISO text in UTC as a zone-less timestamp. -#}
{% macro utc_moment(text) -%}
    {{ return(adapter.dispatch('utc_moment', 'bi_governance')(text)) }}
{%- endmacro %}

{% macro default__utc_moment(text) -%}
    cast('{{ text }}' as timestamp)
{%- endmacro %}

{% macro snowflake__utc_moment(text) -%}
    cast('{{ text }}' as timestamp_ntz)
{%- endmacro %}

{% macro bigquery__utc_moment(text) -%}
    cast('{{ text }}' as datetime)
{%- endmacro %}
