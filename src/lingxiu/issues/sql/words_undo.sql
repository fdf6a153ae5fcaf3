DROP INDEX issue_words;
DROP FUNCTION issues_bigrams(text);
