"""What belongs to an account and region as a whole: security settings, policies, profiles."""
