"""What tests share: small courses, built sites, a browser, models that a person can check."""
