"""What happened, thinly, in order: live pages, webhooks, audit and follow-up work read it. Holds no personal data."""
