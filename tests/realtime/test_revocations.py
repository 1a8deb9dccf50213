"""A log-in that ends closes its connections."""

from tests.harness.server import Server


async def test_logging_out_closes_the_connections_of_that_log_in_only(server: Server) -> None:
    phone, laptop = await server.person("bo"), await server.logs_in("bo")
    on_phone, on_laptop = await server.connects(phone), await server.connects(laptop)
    await on_phone.hears("welcome")
    await on_laptop.hears("welcome")

    await server.logs_out(phone)

    assert (await on_phone.is_closed())[0] == 4001
    assert (await on_laptop.ask("ping"))["type"] == "pong"
