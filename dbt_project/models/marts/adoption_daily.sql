with accesses as (

    select * from {{ ref('int_accesses') }}

),

adoption as (

    select
        source,
        accessed_on as day,
        sum(case when is_primary then 1 else 0 end) as view_count,
        count(distinct actor_id) as viewer_count,
        count(distinct visual_key) as visual_count
    from accesses
    where is_human
    group by source, accessed_on

)

select
    source,
    day,
    cast(view_count as {{ dbt.type_bigint() }}) as view_count,
    viewer_count,
    visual_count
from adoption
