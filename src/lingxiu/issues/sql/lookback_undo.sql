DROP INDEX report_rated;
DROP INDEX issue_due;
DROP INDEX issue_ended;
