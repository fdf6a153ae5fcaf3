-- A move that was made stays as it was made: it is the record, the timeline and the base of assessment.
CREATE FUNCTION issues_move_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'move % of issue % is append-only: % refused', OLD.version, OLD.issue_id, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER issues_move_append_only BEFORE UPDATE OR DELETE ON issues_move
    FOR EACH ROW EXECUTE FUNCTION issues_move_is_kept();
