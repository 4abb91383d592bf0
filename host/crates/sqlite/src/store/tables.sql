-- One row: where the fold stands, and the configuration in force.
CREATE TABLE standing (
    position INTEGER NOT NULL,
    fired INTEGER NOT NULL,
    state BLOB NOT NULL
);

-- The whole document of a customer: written once for each commit that changes her.
CREATE TABLE customer (
    id INTEGER PRIMARY KEY,
    document BLOB NOT NULL
);

-- Who has a handle. The hash stands first, so that a batch of new handles is inserted from one side to the other.
CREATE TABLE handle (
    hash INTEGER NOT NULL,
    customer INTEGER NOT NULL,
    scheme TEXT NOT NULL,
    scope TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (hash, scheme, scope, value)
) WITHOUT ROWID;

CREATE TABLE merged (
    gone INTEGER PRIMARY KEY,
    into_customer INTEGER NOT NULL
);

-- When time alone will next change her.
CREATE TABLE due (
    due INTEGER NOT NULL,
    customer INTEGER NOT NULL,
    PRIMARY KEY (due, customer)
) WITHOUT ROWID;

-- When the courier must look at her next.
CREATE TABLE errand (
    due INTEGER NOT NULL,
    customer INTEGER NOT NULL,
    PRIMARY KEY (due, customer)
) WITHOUT ROWID;

CREATE TABLE tag_name (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE tag (
    tag INTEGER NOT NULL,
    customer INTEGER NOT NULL,
    PRIMARY KEY (tag, customer)
) WITHOUT ROWID;

-- Who is in a segment that is kept.
CREATE TABLE segment (
    name TEXT NOT NULL,
    customer INTEGER NOT NULL,
    PRIMARY KEY (name, customer)
) WITHOUT ROWID;

CREATE TABLE note (
    key TEXT PRIMARY KEY,
    body BLOB NOT NULL
) WITHOUT ROWID;
