DROP INDEX issue_open;
DROP INDEX issue_open_of_merchant;
DROP INDEX issue_waits;
DROP INDEX assignment_objected;
DROP INDEX issue_joint;
DROP INDEX assignment_open_part;
