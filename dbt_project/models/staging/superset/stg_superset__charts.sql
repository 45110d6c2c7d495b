with source_rows as (

    select * from {{ source('superset', 'superset_chart') }}

),

unique_rows as (

    {{ one_row_per('source_rows', ['source', 'chart_id'], 'collected_at desc, changed_at desc nulls last') }}

),

renamed as (

    select
        source,
        chart_id,
        uuid,
        title,
        url,
        owner_id,
        changed_at as updated_at,
        tags,
        coalesce(certified_by, '') <> '' as is_certified,
        coalesce(is_managed_externally, false) as is_code_managed,
        deleted_at is not null as is_trashed,
        collected_at
    from unique_rows
    where uuid is not null

)

select * from renamed
