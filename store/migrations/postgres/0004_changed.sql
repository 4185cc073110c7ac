-- Lets servers find out which entries have changed since they last read them.

-- The transaction that last wrote the row. The default is computed once for the rows that exist already.
alter table indexes add column changed xid8 not null default pg_current_xact_id();
create index indexes_changed on indexes (changed);

-- A trigger, because older servers and administrators write too, and don't know the column.
create function mark_changed() returns trigger
language plpgsql
as $$
begin
    new.changed := pg_current_xact_id();
    return new;
end
$$;
create trigger mark_changed before insert or update on indexes
for each row execute function mark_changed();
-- Also while rows arrive through replication or a restore.
alter table indexes enable always trigger mark_changed;

-- A deleted row has no mark, so deletions are counted. No server deletes, but administrators may.
alter table write_check add column deletions bigint not null default 0;
create function count_deletion() returns trigger
language plpgsql
as $$
begin
    update write_check set deletions = deletions + 1;
    return null;
end
$$;
do $$
begin
    -- Whoever deletes may have another search path.
    execute format('alter function count_deletion() set search_path = %I', current_schema());
end
$$;
create trigger count_deletion after delete or truncate on indexes
for each statement execute function count_deletion();
alter table indexes enable always trigger count_deletion;
