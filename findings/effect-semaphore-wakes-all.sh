#!/bin/sh
# effect 3.22.4: a permit that comes back to a Semaphore wakes everyone who waits, not as many as it is enough for.
#
# release counts the permits that are free once, before those who wait are told; each of them takes its permit only when its fiber runs, later.
# So the loop that tells them while permits are free passes all. One takes the permit, and every other waits anew, inside of its former
# wait, so that what it holds in memory grows each time. With one permit and n that wait, n²/2 tasks are scheduled where n would do: doubling
# who waits doubles what each one costs. Results are right; it is time and memory. Expected: as many are woken as can go on.
# To our users: a rerank divided into 3,000 parts, all of which wait for two processors, held 4.3 GB before it had begun. rankdag has
# permits of its own for what waits by thousands.
# My guess was a handful of tasks for each, however many wait.
#
# Output seen:
#   100 that wait for one permit: 54 tasks of the scheduler for each
#   200 that wait for one permit: 104 tasks of the scheduler for each
#   400 that wait for one permit: 204 tasks of the scheduler for each
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund effect@3.22.4
cat > look.mjs <<'JS'
import { Effect, Scheduler } from "effect"

class Counting extends Scheduler.MixedScheduler {
  tasks = 0
  scheduleTask(task, priority, fiber) {
    this.tasks++
    super.scheduleTask(task, priority, fiber)
  }
}

for (const waiting of [100, 200, 400]) {
  const scheduler = new Counting(2048)
  const program = Effect.gen(function* () {
    const semaphore = yield* Effect.makeSemaphore(1)
    const holders = Array.from({ length: waiting }, () => semaphore.withPermits(1)(Effect.sleep(0)))
    yield* Effect.all(holders, { concurrency: "unbounded", discard: true })
  })
  await Effect.runPromise(Effect.withScheduler(program, scheduler))
  console.log(`${waiting} that wait for one permit: ${Math.round(scheduler.tasks / waiting)} tasks of the scheduler for each`)
}
JS
node look.mjs > seen.txt
cat > expected.txt <<'TXT'
100 that wait for one permit: 54 tasks of the scheduler for each
200 that wait for one permit: 104 tasks of the scheduler for each
400 that wait for one permit: 204 tasks of the scheduler for each
TXT
cat seen.txt
diff expected.txt seen.txt
