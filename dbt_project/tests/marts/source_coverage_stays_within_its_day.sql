-- A stretch that leaves its day, or runs backwards, would prove non-use that nobody observed.
select *
from {{ ref('source_coverage') }}
where
    covered_through <= covered_from
    or cast(covered_from as date) <> day
    or covered_through > {{ dbt.dateadd('day', 1, 'cast(day as ' ~ dbt.type_timestamp() ~ ')') }}
