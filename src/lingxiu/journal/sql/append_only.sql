-- An entry is never changed or taken back: readers that have passed it would not hear of it.
CREATE FUNCTION journal_entry_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'journal entry % is append-only: % refused', OLD.id, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER journal_entry_append_only BEFORE UPDATE OR DELETE ON journal_entry
    FOR EACH ROW EXECUTE FUNCTION journal_entry_is_kept();
