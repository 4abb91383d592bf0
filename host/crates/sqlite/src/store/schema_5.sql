-- What channels may tell of one customer is bounded otherwise than before: the journal gives the documents again.
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
