with source_rows as (

    select * from {{ source('governance', 'robot') }}

),

renamed as (

    select
        source,
        account_id,
        lower(email) as email
    from source_rows

)

select * from renamed
