CREATE TABLE record (
    position INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

-- hash of (source, event id) -> candidates. Small and sorted on insert; a hit is confirmed against the record.
CREATE TABLE seen (
    hash INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (hash, position)
) WITHOUT ROWID;

-- No later record is older than this.
CREATE TABLE floor (now INTEGER NOT NULL);
INSERT INTO floor VALUES (0);

CREATE TABLE feed (
    connection TEXT PRIMARY KEY,
    cursor TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE memory (
    connection TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    expires INTEGER,
    PRIMARY KEY (connection, key)
) WITHOUT ROWID;
CREATE INDEX memory_expires ON memory (connection, expires) WHERE expires IS NOT NULL;

CREATE TABLE chore (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    connection TEXT NOT NULL,
    key TEXT NOT NULL,
    due INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    job TEXT NOT NULL,
    UNIQUE (connection, key)
);
CREATE INDEX chore_due ON chore (connection, due, number);

CREATE TABLE dead_request (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    connection TEXT NOT NULL,
    now INTEGER NOT NULL,
    why TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    query TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL
);
