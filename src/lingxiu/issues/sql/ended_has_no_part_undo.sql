CREATE OR REPLACE FUNCTION issues_check_lead(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    issue issues_issue%ROWTYPE;
    leads integer;
    agreeing integer;
BEGIN
    SELECT * INTO issue FROM issues_issue WHERE id = checked;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT count(*), count(*) FILTER (
        WHERE unit_id = issue.lead_unit_id AND person_id IS NOT DISTINCT FROM issue.lead_person_id
    )
    INTO leads, agreeing
    FROM issues_assignment
    WHERE issue_id = checked AND part = 'lead' AND state IN ('offered', 'accepted');

    IF issue.state IN ('closed', 'dismissed') AND leads <> 0 THEN
        RAISE EXCEPTION 'issue % is % but still held by somebody', issue.number, issue.state
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'issue_one_open_lead';
    END IF;
    IF issue.state NOT IN ('closed', 'dismissed') AND (leads <> 1 OR agreeing <> 1) THEN
        RAISE EXCEPTION 'issue % is % with % open lead assignments, % as the issue says', issue.number, issue.state, leads, agreeing
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'issue_one_open_lead';
    END IF;
END $$;
