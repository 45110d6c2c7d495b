with source_rows as (

    select * from {{ source('domo', 'domo_page_card') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'page_id', 'card_id']) }}

),

renamed as (

    select
        source,
        page_id,
        card_id
    from unique_rows

)

select * from renamed
