DROP TRIGGER assignment_one_open_lead ON issues_assignment;
DROP TRIGGER issue_one_open_lead ON issues_issue;
DROP FUNCTION issues_assignment_changed();
DROP FUNCTION issues_issue_lead_changed();
DROP FUNCTION issues_check_lead(bigint);
