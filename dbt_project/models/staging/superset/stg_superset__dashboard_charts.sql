with source_rows as (

    select * from {{ source('superset', 'superset_dashboard_chart') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'dashboard_id', 'chart_id']) }}

),

renamed as (

    select
        source,
        dashboard_id,
        chart_id
    from unique_rows

)

select * from renamed
