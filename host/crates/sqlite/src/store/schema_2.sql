-- Documents and the fold's state hold more than before: the journal gives them again.
DELETE FROM standing;
DELETE FROM customer;
DELETE FROM handle;
DELETE FROM merged;
DELETE FROM due;
DELETE FROM tag;
DELETE FROM tag_name;
DELETE FROM note;

-- When the courier must look at her next.
CREATE TABLE errand (
    due INTEGER NOT NULL,
    customer INTEGER NOT NULL,
    PRIMARY KEY (due, customer)
) WITHOUT ROWID;
