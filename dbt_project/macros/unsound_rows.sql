{#-
    One row per complaint about what a platform delivered; none when all is sound.

    `keys`: per staging model the columns that identify a row; a combination that occurs twice, or lacks a part, is
    complained about. `never`: per raw table the conditions that hold of no row.
    One query for the whole platform, as each test costs dbt more time than the database.
-#}
{% macro unsound_rows(platform, keys, never) -%}
    {%- set checks = [] -%}
    {%- for model, columns in keys.items() -%}
        {%- do checks.append(_ambiguous(model, columns)) -%}
    {%- endfor -%}
    {%- for table, conditions in never.items() -%}
        {%- for condition in conditions -%}
            {%- do checks.append(_holds_of(source(platform, table), table, condition)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ checks | join('\n    union all\n') }}
{%- endmacro %}

{% macro _ambiguous(model, columns) %}
    select
        '{{ model }}' as found_in,
        '{{ columns | join(', ') }} is no key' as complaint,
        count(*) as unsound
    from ({{ rows_without_identity(ref(model), columns) }}) as unidentified
    having count(*) > 0
{%- endmacro %}

{% macro _holds_of(relation, table, condition) %}
    select
        '{{ table }}' as found_in,
        '{{ condition | replace("'", "''") }}' as complaint,
        count(*) as unsound
    from {{ relation }}
    where {{ condition }}
    having count(*) > 0
{%- endmacro %}

{#- What is true of an access that cannot be counted: no moment, or (where kinds are told) an unknown kind. -#}
{% macro uncountable_access(kinds=false) -%}
    {{ return(
        ['accessed_at is null']
        + (["access_kind not in ('view', 'edit', 'export', 'api', 'embed', 'delivery')"] if kinds else [])
    ) }}
{%- endmacro %}
