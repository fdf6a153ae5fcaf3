DROP STATISTICS report_answered_late_share;
DROP INDEX report_not_answered, report_answered_late;
