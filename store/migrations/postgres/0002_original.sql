-- The original system's table `values`: what stands in it is adopted, and its statements go on working,
-- so that people can move over without losing anything, and back.

-- What was adopted, until a start of the server has told about it.
create table adoption (
    adopted bigint not null,
    duplicates bigint not null,
    ignored bigint not null,
    reported boolean not null default false
);

do $$
declare
    -- Found as the original's own statements find it, through the search path.
    found regclass := to_regclass('values');
    home name := current_schema();
    now_us bigint;
begin
    if found is null then
        create table original_values (number integer);
    else
        select nspname into strict home
        from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where pg_class.oid = found and relkind in ('r', 'p')
            and exists (
                select from pg_attribute where attrelid = found and attname = 'number' and not attisdropped
            );
        -- An original server may be connected. It waits here; once this is committed, its statements
        -- find the view below under the same name.
        execute format('lock table %s in access exclusive mode', found);
        execute format('alter table %s rename to original_values', found);
        now_us := extract(epoch from clock_timestamp()) * 1000000;
        -- ctid is where a row lies: the order in which rows came, in a table that only ever grew.
        -- As text first, since the column may be of any type: what is no index is then no error.
        execute format($adopt$
            with texts as (
                select number::text as text, row_number() over (order by ctid) as place from %s
            ), numbers as (
                select case when text ~ '^(0|[1-9][0-9]{0,9})$' then text::bigint end as number, place from texts
            ), firsts as (
                select number::integer as number, count(*) as times, min(place) as place
                from numbers where number <= 2147483647 group by number
            ), inserted as (
                insert into indexes (number, status, revision, times_submitted, recorded_us)
                select number, 'pending', 1, times, %s from firsts order by place
                returning times_submitted
            ), counted as (
                select count(*) as adopted, coalesce(sum(times_submitted), 0) as valid from inserted
            )
            insert into adoption (adopted, duplicates, ignored)
            select adopted, valid - adopted, (select count(*) from texts) - valid from counted
        $adopt$, found, now_us);
    end if;

    -- `offset 0` keeps the view from being updatable by itself: an index is never changed or taken back.
    execute format(
        'create view %I.values as select number from indexes order by position offset 0', home
    );
exception
    when no_data_found then
        raise exception '“values” is no table with a column “number”, so it is not the original''s'
            using hint = 'Rename it, or use another database.';
    when duplicate_table then
        raise exception 'a table “original_values” stands in the way'
            using hint = 'Rename it, or use another database.';
end
$$;

-- An insert by the original's server is a submission. One that is no index is kept aside, as the
-- rows of its own table are that were none: it never failed there either.
create function submit_original() returns trigger
language plpgsql
as $$
declare
    now_us bigint := extract(epoch from clock_timestamp()) * 1000000;
begin
    if new.number is null or new.number < 0 then
        insert into original_values (number) values (new.number);
        return new;
    end if;
    -- As the servers themselves do it.
    insert into indexes as known (number, status, revision, times_submitted, accepted_us, recorded_us)
    values (new.number, 'pending', 1, 1, now_us, now_us)
    on conflict (number) do update set
        times_submitted = known.times_submitted + 1,
        revision = known.revision + 1,
        status = case known.status when 'failed' then 'pending' else known.status end,
        reason = case known.status when 'failed' then null else known.reason end,
        accepted_us = case known.status when 'failed' then excluded.accepted_us else known.accepted_us end,
        recorded_us = case known.status when 'failed' then excluded.recorded_us else known.recorded_us end;
    return new;
end
$$;

do $$
declare
    home name := (
        select nspname from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where pg_class.oid = to_regclass('values')
    );
begin
    -- Whoever inserts may have another search path.
    execute format('alter function submit_original() set search_path = %I, %I', current_schema(), home);
    execute format(
        'create trigger submit_original instead of insert on %I.values
        for each row execute function submit_original()',
        home
    );
end
$$;
