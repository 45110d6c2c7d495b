with source_rows as (

    select * from {{ source('looker', 'looker_dashboard_element') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'element_id']) }}

),

renamed as (

    select
        source,
        element_id,
        dashboard_id,
        look_id
    from unique_rows

)

select * from renamed
