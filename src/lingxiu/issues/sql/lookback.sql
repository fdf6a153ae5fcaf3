-- Looking back asks for what ended, and for what fell due, within days; the list's own indexes begin with other columns.
CREATE INDEX issue_ended ON issues_issue (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX issue_due ON issues_issue (due_at);
-- The few that reporters rated.
CREATE INDEX report_rated ON issues_report (issue_id) WHERE stars IS NOT NULL;
