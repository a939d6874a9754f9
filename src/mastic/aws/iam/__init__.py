"""Identity and access management: roles, users, groups, policies, and what policies decide."""
