"""Lambda: functions that run for real, in processes of their own."""
