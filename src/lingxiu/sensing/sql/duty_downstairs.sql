-- the turns of the roster go to where people and posts are
INSERT INTO accounts_dutyturn (unit_id, person_id, since, until, rank, entered_by, synthetic)
SELECT unit_id, person_id, since, until, rank, entered_by, synthetic FROM sensing_dutyturn ORDER BY id;
