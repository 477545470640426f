"""The apps of a module live through everything beside each other, before its first test asks."""

import asyncio

import pytest_asyncio

from harness.others import Life, Lives


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lives(request, browser, trusted, start_module_gateway, tmp_path_factory):
    """What became of those of the module's `KINDS` that the tests of this run ask for."""
    items = [item for item in request.session.items if item.path == request.path]
    asked = [item.callspec.params["kind"] for item in items]
    lives = [
        Life(kind, tmp_path_factory.mktemp("other"), start_module_gateway, trusted, browser)
        for kind in request.module.KINDS
        if kind in asked
    ]
    places = asyncio.Semaphore(request.module.AT_A_TIME)

    async def live(life):
        async with places:
            await life.run()

    await asyncio.gather(*map(live, lives))
    return Lives(lives)
