-- How satisfied people are with a lead's way, from 1 to 5, and when they said so last: the contact, as it was told with what
-- became of the lead; and the rep who had it, of the assignment. Null: nobody said.
ALTER TABLE deals ADD COLUMN customer_score BIGINT;
ALTER TABLE deals ADD COLUMN customer_said_at BIGINT;
ALTER TABLE deals ADD COLUMN rep_score BIGINT;
ALTER TABLE deals ADD COLUMN rep_said_at BIGINT;
