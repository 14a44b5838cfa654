"""Names of trials, the attempt that keeps one alive, workers, device leases, judge reports, recovery."""
