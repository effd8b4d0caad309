// Stopping a browser as a laptop's lid does: every process of its tree, at once, without a word.
import { readFileSync, readdirSync } from 'node:fs';

function parents() {
  const of = new Map();
  for (const id of readdirSync('/proc')) {
    if (!/^\d+$/.test(id)) continue;
    try {
      // The second field is a name in brackets and may hold anything; the parent is the second after it.
      of.set(Number(id), Number(readFileSync(`/proc/${id}/stat`, 'latin1').split(') ').at(-1).split(' ')[1]));
    } catch {
      // Ended meanwhile.
    }
  }
  return of;
}

/** The process that the test started, and everything below it. */
function tree(root) {
  const of = parents();
  const found = [root];
  for (let at = 0; at < found.length; at += 1) for (const [id, parent] of of) if (parent === found[at]) found.push(id);
  return found;
}

/** Stops the browser; returns how to see what its processes do, and how to let it go on. */
export function freeze(browser) {
  const stopped = tree(browser.process().pid);
  for (const id of stopped) process.kill(id, 'SIGSTOP');
  // A process that was busy stops only when it is looked at next: ask until all are.
  const states = () => stopped.map((id) => readFileSync(`/proc/${id}/stat`, 'latin1').split(') ').at(-1)[0]);
  const thaw = () => {
    for (const id of stopped) {
      try {
        process.kill(id, 'SIGCONT');
      } catch {
        // Killed while it was stopped.
      }
    }
  };
  return { processes: stopped.length, states, thaw };
}
