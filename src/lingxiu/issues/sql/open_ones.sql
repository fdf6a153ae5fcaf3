-- Of a million issues some thousands are open, and lists, counts and work are of those. Everything a list of open issues is
-- narrowed or counted by stands in the index, so that counting them reads no row.
CREATE INDEX issue_open ON issues_issue (step_due_at, id)
    INCLUDE (state, town, grid, level, flow, lead_unit_id, lead_person_id, responsible, merchant_id) WHERE closed_at IS NULL;
-- A merchant's open issues are counted at every move.
CREATE INDEX issue_open_of_merchant ON issues_issue (merchant_id) WHERE closed_at IS NULL;
-- Those that wait for somebody's decision are few.
CREATE INDEX issue_waits ON issues_issue (id) WHERE extension_asked_days IS NOT NULL OR supervised_at IS NOT NULL;
CREATE INDEX assignment_objected ON issues_assignment (issue_id) WHERE outcome = 'objected';
-- And so are joint ones.
CREATE INDEX issue_joint ON issues_issue (reported_at DESC, id DESC) WHERE flow = 'joint';
-- What a unit works along with is asked for by each of its people, at every look at their work.
CREATE INDEX assignment_open_part ON issues_assignment (unit_id) INCLUDE (issue_id, person_id)
    WHERE part = 'cooperating' AND ended_at IS NULL;
