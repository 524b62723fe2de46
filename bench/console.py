"""The console in a real browser, on a real demo: how long it takes until what happened is on the screen."""

import asyncio

from bench._console_demo import running_demo
from bench._console_flips import event_to_pixel, verdict
from bench._harness import options, present


def main() -> None:
    """Measure, print, and say whether the promises are kept."""
    json_file = options("the console in a browser: event to pixel")
    with running_demo() as demo:
        flips = asyncio.run(event_to_pixel(demo))
    present(flips, json_file)
    print(verdict(flips))


if __name__ == "__main__":
    main()
