-- Where setups stand: few among millions.
CREATE TABLE setup (position INTEGER PRIMARY KEY);

ALTER TABLE dead_request ADD COLUMN what TEXT NOT NULL DEFAULT 'request';
ALTER TABLE dead_request ADD COLUMN reason TEXT NOT NULL DEFAULT 'malformed';
ALTER TABLE dead_request ADD COLUMN plugin BLOB NOT NULL DEFAULT (zeroblob(32));
ALTER TABLE dead_request ADD COLUMN title TEXT NOT NULL DEFAULT '';
-- Lines, none of which holds a line break.
ALTER TABLE dead_request ADD COLUMN log TEXT NOT NULL DEFAULT '';
ALTER TABLE dead_request ADD COLUMN backtrace TEXT;
ALTER TABLE dead_request ADD COLUMN last INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_request ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
-- Of what makes two of a connection the same: candidates, confirmed by the columns themselves.
ALTER TABLE dead_request ADD COLUMN hash INTEGER NOT NULL DEFAULT 0;
-- 0 waiting, 1 retried, 2 dropped.
ALTER TABLE dead_request ADD COLUMN state INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dead_request ADD COLUMN ended INTEGER;
ALTER TABLE dead_request ADD COLUMN ended_by TEXT;
ALTER TABLE dead_request ADD COLUMN ended_why TEXT;
UPDATE dead_request SET last = now;
CREATE INDEX dead_waiting ON dead_request (connection, hash) WHERE state = 0;
-- All that counting asks for: the rows themselves are as large as their requests.
CREATE INDEX dead_groups ON dead_request (connection, what, reason, plugin, title, times, last) WHERE state = 0;

-- How letters of policies ended: the letters themselves are notes of the store.
CREATE TABLE ended_turn (
    key TEXT PRIMARY KEY,
    ended INTEGER NOT NULL,
    ended_by TEXT NOT NULL,
    ended_why TEXT NOT NULL
) WITHOUT ROWID;
