-- and back; those of teams, grids and departments, which it did not know, stay away
INSERT INTO sensing_dutyturn (unit_id, person_id, since, until, rank, entered_by, synthetic)
SELECT unit_id, person_id, since, until, rank, entered_by, synthetic FROM accounts_dutyturn WHERE unit_id IN (SELECT id FROM accounts_unit WHERE kind IN ('town', 'county_office')) ORDER BY id;
