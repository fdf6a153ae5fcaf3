DROP INDEX issue_open;
CREATE INDEX issue_open ON issues_issue (step_due_at, id)
    INCLUDE (state, town, grid, level, flow, lead_unit_id, lead_person_id, responsible, merchant_id) WHERE closed_at IS NULL;
