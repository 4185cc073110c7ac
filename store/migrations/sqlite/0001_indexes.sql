-- Every index ever submitted and what became of it: the one table that is the truth.
create table indexes (
    -- The order of first submission; lists are paged by it. Never used again.
    position integer primary key autoincrement,
    number integer not null unique check (number between 0 and 2147483647),
    status text not null check (status in ('pending', 'done', 'failed')),
    -- Counts the changes of this row.
    revision integer not null,
    times_submitted integer not null,
    -- A value of up to 1,000 digits stands here whole, of a longer one its two ends.
    digits integer,
    value text,
    head text,
    tail text,
    -- Why it failed, or why it is still pending.
    reason text,
    worker text,
    -- When each thing happened, in microseconds since 1970.
    accepted_us integer,
    recorded_us integer,
    announced_us integer,
    claimed_us integer,
    computed_us integer,
    posted_us integer,
    delivered_us integer,
    check ((status = 'done') = (digits is not null)),
    check (status <> 'done' or value is not null or (head is not null and tail is not null))
) strict;

-- The sweep goes through the pending ones, and they are few.
create index indexes_pending on indexes (position) where status = 'pending';
