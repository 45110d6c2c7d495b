with source_rows as (

    select * from {{ source('external', 'external_dependency') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'visual_type', 'visual_id', 'kind', 'name']) }}

),

renamed as (

    select
        source,
        visual_type,
        visual_id,
        kind as dependency_kind,
        name,
        database_name,
        schema_name
    from unique_rows

)

select * from renamed
