with source_rows as (

    select * from {{ source('superset', 'superset_dependency') }}

),

unique_rows as (

    {{ one_row_per(
        'source_rows',
        ['source', 'visual_type', 'visual_id', 'kind', 'name', 'database_name', 'schema_name', 'catalog_name']
    ) }}

),

renamed as (

    select
        source,
        visual_type,
        visual_id,
        kind as dependency_kind,
        name,
        -- A table lives in the catalog where Superset names one; a dataset in a connection of Superset's.
        case when kind = 'table' then coalesce(catalog_name, database_name) else database_name end as database_name,
        schema_name
    from unique_rows

)

select * from renamed
