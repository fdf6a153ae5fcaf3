-- A signature stays as it was given: it is what makes a paper of two officers final.
CREATE FUNCTION issues_signature_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'signature % is append-only: % refused', OLD.id, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER issues_signature_append_only BEFORE UPDATE OR DELETE ON issues_signature
    FOR EACH ROW EXECUTE FUNCTION issues_signature_is_kept();
