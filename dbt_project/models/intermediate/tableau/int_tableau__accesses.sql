-- Use of a view is use of its workbook as well; the view is what was used.
--
-- Counters only grow when a view is opened, and do not say when. Between two readings:
--   a rise is one use, dated at the later reading;
--   a fall cannot be explained (the view was published anew, or counted anew): taken for use as well, so that
--   nothing is ever called unused because of it;
--   the first readings of a source are its baseline and no use; a view that turns up later with a count above
--   nought was used since.
with accesses as (

    select * from {{ ref('stg_tableau__accesses') }}

),

views as (

    select * from {{ ref('stg_tableau__views') }}

),

baselines as (

    select
        source,
        min(accessed_at) as read_at
    from accesses
    where is_counter
    group by source

),

readings as (

    select
        accesses.*,
        lag(accesses.counter) over (
            partition by accesses.source, accesses.view_id
            order by accesses.accessed_at, accesses.event_key
        ) as counter_before
    from accesses
    where accesses.is_counter

),

moved as (

    select
        readings.source,
        readings.event_key,
        readings.accessed_at,
        readings.actor_id,
        readings.access_kind,
        readings.workbook_id,
        readings.view_id,
        readings.collected_at
    from readings
    inner join baselines on readings.source = baselines.source
    where
        readings.counter <> readings.counter_before
        or (readings.counter_before is null and readings.counter > 0 and readings.accessed_at > baselines.read_at)

),

uses as (

    select * from moved

    union all

    select
        source,
        event_key,
        accessed_at,
        actor_id,
        access_kind,
        workbook_id,
        view_id,
        collected_at
    from accesses
    where not is_counter

),

placed as (

    select
        uses.source,
        uses.event_key,
        uses.accessed_at,
        uses.actor_id,
        uses.access_kind,
        coalesce(uses.workbook_id, views.workbook_id) as workbook_id,
        uses.view_id,
        uses.collected_at
    from uses
    left join views on uses.source = views.source and uses.view_id = views.view_id

),

touched as (

    select
        source,
        event_key,
        accessed_at,
        actor_id,
        access_kind,
        'view' as type,
        view_id as native_id,
        true as is_primary,
        collected_at
    from placed
    where view_id is not null

    union all

    select
        source,
        event_key,
        accessed_at,
        actor_id,
        access_kind,
        'workbook' as type,
        workbook_id as native_id,
        view_id is null as is_primary,
        collected_at
    from placed
    where workbook_id is not null or view_id is null

)

select * from touched
