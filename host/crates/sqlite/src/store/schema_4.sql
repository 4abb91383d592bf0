-- Documents say what was answered: the journal gives them again.
DELETE FROM standing;
DELETE FROM customer;
DELETE FROM handle;
DELETE FROM merged;
DELETE FROM due;
DELETE FROM errand;
DELETE FROM tag;
DELETE FROM tag_name;
DELETE FROM segment;
DELETE FROM note;
