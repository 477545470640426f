"""Streams completions by OpenAI's client, again and again. The key of the API is the token."""

import asyncio

import openai
from reports import CONTEXT, PAUSE_SECONDS, TOKEN, URL, hear, named, tell

COUNT = 10


async def complete(client):
    heard, finish = 0, None
    try:
        stream = await client.chat.completions.create(
            model="clock", stream=True, max_tokens=COUNT,
            messages=[{"role": "user", "content": "What time is it?"}],
        )  # fmt: skip
        async for chunk in stream:
            word = chunk.choices[0].delta.content
            if word:
                hear({"instance": word.strip(), "number": heard})
                heard += 1
            finish = chunk.choices[0].finish_reason or finish
        assert (heard, finish) == (COUNT, "stop"), f"{heard} words, then {finish}"
        tell(completed=True)
    except Exception as problem:
        tell(**{"lost" if heard else "failed": f"after {heard}: {named(problem)}"})
        await asyncio.sleep(PAUSE_SECONDS)


async def main():
    http = openai.DefaultAsyncHttpxClient(verify=CONTEXT or True)
    async with openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key=TOKEN, http_client=http) as client:
        tell(opened=True)
        while True:
            await complete(client)


asyncio.run(main())
