-- Of a hundred reports a few are answered late. Statistics of what is asked, or one in three is expected to be late.
CREATE INDEX report_answered_late ON issues_report (issue_id) WHERE (answered_at > due_at) IS TRUE;
CREATE INDEX report_not_answered ON issues_report (due_at) INCLUDE (issue_id) WHERE answered_at IS NULL;
CREATE STATISTICS report_answered_late_share ON ((answered_at > due_at)) FROM issues_report;
ANALYZE issues_report;
