"""Asks a server on this machine for the answers of images, and says what that took: `finetune serve`, or a peer of it.

Usage: python load.py ADDRESS PID FOLDER clients N COUNT     N clients that ask again as soon as they have an answer
       python load.py ADDRESS PID FOLDER rate N SECONDS      N requests a second, whatever comes back
ADDRESS as http://127.0.0.1:8080; PID is the server's process, whose processor time and memory are counted with those of
its children; FOLDER holds images. Only Python's own library is needed. COUNT and SECONDS bound it: it stops by itself.
"""

import asyncio
import os
import pathlib
import sys
import time
from urllib.parse import urlsplit

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid] + [below for child in children for below in tree(int(child))]


def processor(pid):
    """Seconds of processor time so far."""
    stats = [pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split() for one in tree(pid)]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / TICKS


def memory(pid):
    """Proportional set size now, in MB."""
    rollups = [pathlib.Path(f"/proc/{one}/smaps_rollup").read_text() for one in tree(pid)]
    return sum(int(rollup.split("\nPss:")[1].split()[0]) for rollup in rollups) // 1000


async def ask(address, body):
    """The status of an answer, and the seconds from the last byte sent to its first line."""
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"POST /predict HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    began = time.perf_counter()
    line = await reader.readline()
    took = time.perf_counter() - began
    await reader.read()
    writer.close()
    return int(line.split()[1]) if line else 0, took


async def by_clients(address, bodies, clients, count):
    left = iter(range(count))

    async def client():
        return [await ask(address, bodies[number % len(bodies)]) for number in left]

    return [answer for answers in await asyncio.gather(*[client() for _ in range(clients)]) for answer in answers]


async def at_rate(address, bodies, rate, seconds):
    began, tasks = time.perf_counter(), []
    for number in range(rate * seconds):
        await asyncio.sleep(max(0, began + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(ask(address, bodies[number % len(bodies)])))
    return await asyncio.gather(*tasks)


async def main(address, pid, folder, how, number, bound):
    address, pid = urlsplit(address), int(pid)
    assert address.hostname in ("127.0.0.1", "localhost"), "only a server on this machine"
    bodies = [path.read_bytes() for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file()]
    most = [memory(pid)]

    async def watch():
        while True:
            most.append(memory(pid))
            await asyncio.sleep(0.5)

    watching = asyncio.create_task(watch())
    began, used = time.perf_counter(), processor(pid)
    work = {"clients": by_clients, "rate": at_rate}[how]
    answers = await work(address, bodies, int(number), int(bound))
    took, used = time.perf_counter() - began, processor(pid) - used
    watching.cancel()
    for status in sorted({status for status, _ in answers}):
        times = sorted(1000 * seconds for one, seconds in answers if one == status)
        at = lambda share: times[min(int(share * len(times)), len(times) - 1)]
        print(f"{status}: {len(times)}; ms at the median {at(0.5):.1f}, at the 99th percentile {at(0.99):.1f}, at most {times[-1]:.1f}")
    each = 1000 * used / len(answers)
    print(f"{len(answers) / took:.1f} a second; {each:.1f} ms of processor time each; memory {most[0]} MB before, {max(most)} MB at most")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
