"""An installation as running processes: started, looked after, and talked to."""
