-- Scores, alarms and routings name the edition they were decided by, for years: it stays what it was.
CREATE FUNCTION policy_edition_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'policy edition % is immutable: % refused', OLD.id, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER policy_edition_immutable BEFORE UPDATE OR DELETE ON policy_edition
    FOR EACH ROW EXECUTE FUNCTION policy_edition_is_kept();
