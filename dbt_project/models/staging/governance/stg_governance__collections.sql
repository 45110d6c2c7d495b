with source_rows as (

    select * from {{ source('governance', 'collection') }}

),

renamed as (

    select
        source,
        platform,
        run_id,
        feed,
        status,
        finished_at,
        window_start,
        window_end
    from source_rows

)

select * from renamed
