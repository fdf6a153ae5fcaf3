-- The few that were opened again, as the list shows them: the newest first.
CREATE INDEX issue_reopened ON issues_issue (reported_at DESC, id DESC) WHERE clock_from > reported_at;
