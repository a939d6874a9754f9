"""CloudWatch: metrics, alarms that act, dashboards."""
