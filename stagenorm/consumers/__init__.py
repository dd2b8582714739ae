"""Who calls the guarded endpoints: a scan of source code, a scan of access logs, verdicts, and a report of it all."""
