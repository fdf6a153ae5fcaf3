-- The few that wait for somebody outside: a reporter who was asked, a shop or another body while the issue rests.
CREATE INDEX report_asked ON issues_report (issue_id) WHERE asked <> '';
CREATE INDEX issue_rests ON issues_issue (suspended_until) WHERE suspended_until IS NOT NULL;
