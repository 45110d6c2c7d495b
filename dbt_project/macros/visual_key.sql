{#- The identity of a visual as text: source:type:native_id. -#}
{% macro visual_key(source, type, native_id) -%}
    {{ source }} || ':' || {{ type }} || ':' || {{ native_id }}
{%- endmacro %}
