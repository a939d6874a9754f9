"""EventBridge: buses, rules, targets, schedules."""
