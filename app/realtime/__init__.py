"""Who is connected right now. In memory; losing all of it loses no message."""
