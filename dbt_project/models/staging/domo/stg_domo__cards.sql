with source_rows as (

    select * from {{ source('domo', 'domo_card') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'card_id'], 'collected_at desc') }}

),

renamed as (

    select
        source,
        card_id,
        title,
        url,
        owner_id,
        created_at,
        updated_at,
        last_accessed_at,
        coalesce(is_trashed, false) as is_trashed,
        collected_at
    from unique_rows
    where card_id is not null

)

select * from renamed
