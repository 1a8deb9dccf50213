"""Endpoints: parse, call one service, answer."""
