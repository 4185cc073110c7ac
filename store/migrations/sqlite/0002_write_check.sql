-- A row that readiness checks update, since only a committed write shows that writes are possible.
create table write_check (
    id integer primary key check (id = 1),
    checked_us integer not null
) strict;
insert into write_check (id, checked_us) values (1, 0);
