-- Names, their pinyin and initials, licence numbers: found by any part of them.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE INDEX merchant_search ON merchants_merchant USING gin (search gin_trgm_ops);
