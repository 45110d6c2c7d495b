with source_rows as (

    select * from {{ source('external', 'external_containment') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'visual_type', 'visual_id', 'container_type', 'container_id']) }}

),

renamed as (

    select
        source,
        visual_type,
        visual_id,
        container_type,
        container_id
    from unique_rows
    where visual_id is not null and container_id is not null

)

select * from renamed
