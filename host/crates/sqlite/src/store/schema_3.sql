-- Documents hold more than before: the journal gives them again.
DELETE FROM standing;
DELETE FROM customer;
DELETE FROM handle;
DELETE FROM merged;
DELETE FROM due;
DELETE FROM errand;
DELETE FROM tag;
DELETE FROM tag_name;
DELETE FROM note;

-- Who is in a segment that is kept.
CREATE TABLE segment (
    name TEXT NOT NULL,
    customer INTEGER NOT NULL,
    PRIMARY KEY (name, customer)
) WITHOUT ROWID;
