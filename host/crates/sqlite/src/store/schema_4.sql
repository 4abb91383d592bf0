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
DELETE FROM segment;
