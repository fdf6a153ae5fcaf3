-- Every two neighbouring characters of a text. Trigrams would miss the commonest question, a word of two Chinese characters.
CREATE FUNCTION issues_bigrams(said text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT coalesce(array_agg(DISTINCT substr(lower(said), n, 2)), '{}')
    FROM generate_series(1, char_length(said) - 1) AS n
);

CREATE INDEX issue_words ON issues_issue USING gin (issues_bigrams(summary || ' ' || place));
