{#-
    The rows of a CTE with each key once; of several the most recently collected one is kept.

    A listing that shifts while it is paged repeats objects, and a load that is repeated repeats events.
    The extra column duplicate_rank is 1 in every row kept.
-#}
{% macro one_row_per(relation, keys, newest_first='collected_at desc') -%}
    select *
    from (
        select
            *,
            row_number() over (
                partition by {{ keys | join(', ') }}
                order by {{ newest_first }}
            ) as duplicate_rank
        from {{ relation }}
    ) as ranked
    where duplicate_rank = 1
{%- endmacro %}
