// Waiting for a condition, with a deadline and a sentence that says what was waited for. There are no fixed sleeps.

const POLL_MS = 100;

/** Calls `look` until it returns something truthy, and returns that. On the deadline it fails with the last `why()`. */
export async function until(what, ms, look, why = () => '') {
  const deadline = performance.now() + ms;
  for (;;) {
    const got = await look();
    if (got) return got;
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}. ${await why()}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A promise that fails after its time, for things that cannot be polled. */
export async function within(what, ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
