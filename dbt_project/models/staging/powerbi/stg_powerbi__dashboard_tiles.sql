with source_rows as (

    select * from {{ source('powerbi', 'powerbi_dashboard_tile') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'tile_id']) }}

),

renamed as (

    select
        source,
        tile_id,
        dashboard_id,
        report_id
    from unique_rows

)

select * from renamed
