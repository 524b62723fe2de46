"""The console as people have it: how fast and heavy its pages are, and how long until an event is on screen.

The pages are those of a fleet of 2,000 instances, 20 groups and 500 switches, probed and acknowledging; the
instances are one process that answers on as many addresses. Event to pixel is measured on the demo.
"""

import asyncio

from bench._console_demo import running_demo
from bench._console_failovers import failover_to_pixel
from bench._console_flips import event_to_pixel, verdict
from bench._console_large import running_large_fleet
from bench._console_load import page_load, verdicts
from bench._harness import options, present


def main() -> None:
    """Measure, print, and say whether the promises are kept."""
    json_file = options("the console: pages of a large fleet, and event to pixel in a browser")
    with running_large_fleet() as large:
        pages = asyncio.run(page_load(large))
    with running_demo() as demo:
        flips = [*asyncio.run(event_to_pixel(demo)), *asyncio.run(failover_to_pixel(demo))]
    present([*pages, *flips], json_file)
    print(*verdicts(pages), verdict(flips), sep="\n")


if __name__ == "__main__":
    main()
