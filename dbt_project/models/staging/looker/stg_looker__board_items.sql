with source_rows as (

    select * from {{ source('looker', 'looker_board_item') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'item_id']) }}

),

renamed as (

    select
        source,
        item_id,
        board_id,
        board_title,
        case when look_id is null then 'dashboard' else 'look' end as visual_type,
        coalesce(look_id, dashboard_id) as visual_id
    from unique_rows

)

select * from renamed
