"""HTTP endpoints: parse the request, call one service, build the response."""
