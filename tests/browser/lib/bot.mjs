// A native member: the same core as in the browser, in a process of its own (tests/bots).
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { program } from './server.mjs';
import { until, within } from './until.mjs';

export class Bot {
  static start(link, name, seconds = 120) {
    const bot = new Bot();
    bot.name = name;
    bot.events = [];
    bot.log = [];
    bot.process = spawn(program('conclave-bot'), ['--link', link, '--name', name, '--seconds', String(seconds)], { stdio: ['pipe', 'pipe', 'pipe'] });
    createInterface({ input: bot.process.stdout }).on('line', (line) => bot.events.push(JSON.parse(line)));
    createInterface({ input: bot.process.stderr }).on('line', (line) => bot.log.push(line));
    bot.ended = new Promise((resolve) => {
      bot.process.once('error', (error) => resolve({ error }));
      bot.process.once('exit', (code, signal) => resolve({ code, signal }));
    });
    return bot;
  }

  /** The newest event of a kind for which `fits` holds. */
  untilEvent(event, fits = () => true, ms = 30_000) {
    return until(
      `the native member ${this.name} reports ${event}`,
      ms,
      () => this.events.findLast((e) => e.event === event && fits(e)),
      () => `Its last events: ${JSON.stringify(this.events.slice(-8))}; its log: ${this.log.slice(-5).join(' | ')}`,
    );
  }

  tell(line) {
    this.process.stdin.write(`${line}\n`);
  }

  async leave() {
    this.tell('leave');
    return within(`the native member ${this.name} ends`, 15_000, this.ended);
  }

  stop() {
    this.process.kill('SIGKILL');
  }
}
