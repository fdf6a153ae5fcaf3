DROP TRIGGER issues_signature_append_only ON issues_signature;
DROP FUNCTION issues_signature_is_kept();
