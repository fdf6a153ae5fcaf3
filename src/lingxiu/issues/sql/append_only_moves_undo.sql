DROP TRIGGER issues_move_append_only ON issues_move;
DROP FUNCTION issues_move_is_kept();
