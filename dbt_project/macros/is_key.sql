{#- Fails for every row the columns do not identify: one of them is null, or the combination occurs twice. -#}
{% test is_key(model, columns) %}
    {{ rows_without_identity(model, columns) }}
{% endtest %}

{% macro rows_without_identity(relation, columns) %}
    select
        {{ columns | join(', ') }},
        count(*) as occurrences
    from {{ relation }}
    group by {{ columns | join(', ') }}
    having
        count(*) > 1
        {%- for column in columns %}
            or {{ column }} is null
        {%- endfor %}
{%- endmacro %}
