-- An open issue has exactly one open lead assignment, which the issue repeats (lead_unit, lead_person); an ended one has none.
-- Checked at commit, because a move ends one assignment and begins another, and touches both tables.

CREATE FUNCTION issues_check_lead(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
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

CREATE FUNCTION issues_issue_lead_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM issues_check_lead(NEW.id);
    RETURN NULL;
END $$;

CREATE FUNCTION issues_assignment_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        PERFORM issues_check_lead(NEW.issue_id);
    END IF;
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND OLD.issue_id <> NEW.issue_id) THEN
        PERFORM issues_check_lead(OLD.issue_id);
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER issue_one_open_lead
    AFTER INSERT OR UPDATE OF state, lead_unit_id, lead_person_id ON issues_issue
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION issues_issue_lead_changed();

CREATE CONSTRAINT TRIGGER assignment_one_open_lead
    AFTER INSERT OR UPDATE OR DELETE ON issues_assignment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION issues_assignment_changed();
