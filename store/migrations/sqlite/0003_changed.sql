-- Lets servers find out which entries have changed since they last read them.

-- Number of the change that last wrote the row.
alter table indexes add column changed integer not null default 0;
create index indexes_changed on indexes (changed);

-- Triggers, because older servers and administrators write too, and don't know the column. An update within a trigger
-- does not fire it again.
create trigger mark_inserted after insert on indexes
begin
    update indexes set changed = (select max(changed) + 1 from indexes) where position = new.position;
end;
create trigger mark_updated after update on indexes
begin
    update indexes set changed = (select max(changed) + 1 from indexes) where position = new.position;
end;

-- A deleted row has no mark, so deletions are counted. No server deletes, but administrators may.
alter table write_check add column deletions integer not null default 0;
create trigger count_deletion after delete on indexes
begin
    update write_check set deletions = deletions + 1;
end;
