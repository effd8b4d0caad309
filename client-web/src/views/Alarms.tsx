// Lines for what may not be as it should, and the number while everybody compares it.

import type { CallModel } from '../state/call';
import { isolated } from '../state/names';
import type { AlarmLine } from '../state/trust';
import { en } from '../text/en';
import { AlertIcon, ShieldIcon } from './icons';
import { Code } from './Knocks';

/** More names than this make a line that nobody reads. */
const NAMED = 3;
/** Those after which nothing should be believed before the numbers were compared. */
const LOUD: ReadonlySet<AlarmLine['kind']> = new Set(['digestsDiffer', 'withheld', 'removalStuck']);

export function AlarmLines({ call }: { readonly call: CallModel }) {
  const less = call.trust.offersLess.value;
  return (
    <>
      {call.trust.lines.value.map((line) => (
        <p key={line.kind} class={LOUD.has(line.kind) ? 'banner banner-alarm' : 'banner banner-warn'} data-test={`alarm-${line.kind}`}>
          <AlertIcon />
          <span class="banner-text">{words(line)}</span>
          {line.kind === 'digestsDiffer' && (
            <button class="button button-small" type="button" data-test="alarm-look" onClick={() => call.show('safety')}>
              {en.alarms.look}
            </button>
          )}
        </p>
      ))}
      {less !== null && (
        <p class="banner banner-quiet" data-test="alarm-less">
          {en.alarms.offersLess}{' '}
          {(['members', 'seats', 'calls'] as const)
            .flatMap((key) => {
              const limit = less[key];
              return limit === null ? [] : [en.alarms.less[key](limit.offered, limit.signed)];
            })
            .join(', ')}
        </p>
      )}
    </>
  );
}

function words({ kind, names, self, stopped }: AlarmLine): string {
  if (self) return en.alarms[kind].self;
  const some = names.slice(0, NAMED).map(isolated).join(', ');
  const all = names.length > NAMED ? en.alarms.more(some, names.length - NAMED) : some;
  return stopped ? en.alarms.stopped(all) : en.alarms[kind].others(all);
}

export function Comparing({ call }: { readonly call: CallModel }) {
  const comparison = call.trust.comparison.value;
  if (comparison === null) return null;
  return (
    <div class="banner banner-compare" data-test="comparing">
      <ShieldIcon />
      <span class="banner-text">{comparison.mine ? en.alarms.comparingMine : en.alarms.comparing(isolated(comparison.by))}</span>
      <Code label={en.safety.title} digits={comparison.digits} test="compared-number" />
      <span class="hint">{en.alarms.held}</span>
    </div>
  );
}
