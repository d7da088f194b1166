"""What every app needs of the database: threads to ask it from, signals of its rows, leases, and deleting old rows."""
