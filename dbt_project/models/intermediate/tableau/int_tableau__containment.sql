with edges as (

    select
        source,
        'view' as type,
        view_id as native_id,
        'workbook' as container_type,
        workbook_id as container_id
    from {{ ref('stg_tableau__views') }}
    where workbook_id is not null

)

select * from edges
